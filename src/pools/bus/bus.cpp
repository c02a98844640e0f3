// SPDX-License-Identifier: MIT
#include "pools/bus/bus.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/errors.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd {
namespace {

BusFailure failure_of(const sd_bus_error& error) {
  const bool told = error.message != nullptr && *error.message != '\0';
  return {error.name, told ? error.message : error.name};
}

using Clock = std::chrono::steady_clock;

Clock::time_point after(std::uint64_t microseconds) {
  return microseconds == UINT64_MAX ? Clock::time_point::max() : Clock::now() + std::chrono::microseconds(microseconds);
}

// sd-bus reports as NoReply an answer that is overdue, one lost with the connection, and one that the called process
// ended without.
BusFailure as_of(sd_bus* bus, BusFailure failure, Clock::time_point due) {
  if (failure.name() != "org.freedesktop.DBus.Error.NoReply") return failure;
  if (sd_bus_is_open(bus) <= 0) return {"org.freedesktop.DBus.Error.Disconnected", failure.what()};
  if (Clock::now() >= due) return {"org.freedesktop.DBus.Error.Timeout", failure.what()};
  return failure;
}

Reply reply_of(sd_bus_message* message, const std::string& answer, Clock::time_point due) {
  if (const sd_bus_error* const error = sd_bus_message_get_error(message); error != nullptr) {
    return as_of(sd_bus_message_get_bus(message), failure_of(*error), due);
  }
  try {
    return decode_answer(message, answer);
  } catch (const BusFailure& failure) {
    return failure;
  }
}

// sd_bus_error with a destructor.
class BusError {
 public:
  BusError() = default;
  BusError(const BusError&) = delete;
  BusError& operator=(const BusError&) = delete;
  ~BusError() { sd_bus_error_free(&error_); }

  sd_bus_error* get() noexcept { return &error_; }
  [[nodiscard]] BusFailure failure(int result) {
    if (error_.name == nullptr) sd_bus_error_set_errno(&error_, result);
    return failure_of(error_);
  }

 private:
  sd_bus_error error_{};
};

void require(int result) {
  if (result < 0) throw BusError().failure(result);
}

int open_address(sd_bus** bus, const std::string& address) {
  sd_bus* made = nullptr;
  int result = sd_bus_new(&made);
  if (result >= 0) result = sd_bus_set_address(made, address.c_str());
  if (result >= 0) result = sd_bus_set_bus_client(made, 1);
  if (result >= 0) result = sd_bus_start(made);
  if (result < 0) sd_bus_unref(made);
  if (result >= 0) *bus = made;
  return result;
}

int open_bus(sd_bus** bus, const BusTarget& target) {
  const char* const where = target.where.c_str();
  switch (target.kind) {
    case BusTarget::Kind::address:
      return open_address(bus, target.where);
    case BusTarget::Kind::host:
      return sd_bus_open_system_remote(bus, where);
    case BusTarget::Kind::machine:
      return target.user ? sd_bus_open_user_machine(bus, where) : sd_bus_open_system_machine(bus, where);
    case BusTarget::Kind::local:
      break;
  }
  return target.user ? sd_bus_open_user(bus) : sd_bus_open_system(bus);
}

// sd-bus connects in the background and gives the daemon 90 s. Returns a negative errno if that fails, -ETIMEDOUT if it
// takes longer than `until`.
int wait_ready(sd_bus* bus, Clock::time_point until) {
  for (;;) {
    int result = sd_bus_process(bus, nullptr);
    if (result < 0 || sd_bus_is_ready(bus) > 0) return result;
    if (result > 0) continue;
    const auto left = std::chrono::ceil<std::chrono::microseconds>(until - Clock::now());
    if (left.count() <= 0) return -ETIMEDOUT;
    result = sd_bus_wait(bus, static_cast<std::uint64_t>(left.count()));
    if (result < 0 && result != -EINTR) return result;
  }
}

std::string next_step(const BusTarget& target, int error) {
  switch (target.kind) {
    case BusTarget::Kind::address:
      return "an address is \"unix:path=/PATH\" or what dbus-daemon --print-address says";
    case BusTarget::Kind::host:
      return "try \"ssh " + target.where + " preforkctl list\"";
    case BusTarget::Kind::machine:
      return "\"machinectl list\" shows the running machines";
    case BusTarget::Kind::local:
      break;
  }
  if (!target.user) return "is dbus running? Pools that were started by hand may be on another one: --user, --address";
  if (error == ENOMEDIUM) return "there is no session here: $XDG_RUNTIME_DIR and $DBUS_SESSION_BUS_ADDRESS are not set";
  return "does this user have a session? See $XDG_RUNTIME_DIR and $DBUS_SESSION_BUS_ADDRESS";
}

ExitError unreachable(const BusTarget& target, int error) {
  // EAGAIN: the queue of the socket is full, its daemon accepts no more.
  if (error == ETIMEDOUT || error == EAGAIN) return silent_bus(target);
  return {exit_code::unavailable,
          "cannot reach " + describe(target) + ": " + errno_text(error) + "; " + next_step(target, error)};
}

}  // namespace

Bus::Bus(const BusTarget& target, std::chrono::microseconds timeout) : target_(target), timeout_(timeout) {
  sd_bus* made = nullptr;
  int result = open_bus(&made, target);
  bus_.reset(made);
  const auto patience = static_cast<std::uint64_t>(timeout.count());
  if (result >= 0) result = wait_ready(made, after(target.is_this_machine() ? patience : UINT64_MAX));
  if (result >= 0) result = sd_bus_set_method_call_timeout(made, patience);  // also of matches
  if (result < 0) throw unreachable(target, -result);
}

Bus::~Bus() { listeners_.clear(); }

Message Bus::make(const MethodCall& call) const {
  sd_bus_message* made = nullptr;
  require(sd_bus_message_new_method_call(bus_.get(), &made, call.destination.c_str(), call.path.c_str(),
                                         call.interface.c_str(), call.member.c_str()));
  Message message(made);
  require(append(made, call.arguments));
  require(sd_bus_message_set_auto_start(made, 0));  // do not start a pool in order to look at it
  if (call.interactive) require(sd_bus_message_set_allow_interactive_authorization(made, 1));
  return message;
}

Json Bus::call(const MethodCall& call) {
  const Message message = make(call);
  BusError error;
  sd_bus_message* answer = nullptr;
  const int result = sd_bus_call(bus_.get(), message.get(), call.timeout_us, error.get(), &answer);
  if (result < 0) throw error.failure(result);
  return decode_answer(Message(answer).get(), call.answer);
}

void Bus::call_async(const MethodCall& call, std::function<void(const Reply&)> on_reply) {
  const Message message = make(call);
  const auto timeout = call.timeout_us == 0 ? static_cast<std::uint64_t>(timeout_.count()) : call.timeout_us;
  Listener& listener =
      listeners_.emplace_back(Listener{this, call.answer, after(timeout), std::move(on_reply), nullptr, nullptr});
  sd_bus_slot* slot = nullptr;
  require(sd_bus_call_async(bus_.get(), &slot, message.get(), take_reply, &listener, call.timeout_us));
  listener.slot.reset(slot);
}

void Bus::match(const std::string& rule, std::function<void(const Signal&)> on_signal) {
  Listener& listener = listeners_.emplace_back(Listener{this, "", {}, nullptr, std::move(on_signal), nullptr});
  sd_bus_slot* slot = nullptr;
  require(sd_bus_add_match(bus_.get(), &slot, rule.c_str(), take_signal, &listener));
  listener.slot.reset(slot);
}

int Bus::take_reply(sd_bus_message* message, void* pointer, sd_bus_error* /*error*/) {
  auto* const listener = static_cast<Listener*>(pointer);
  Bus& bus = *listener->bus;
  // Taken out first: the callback may add others, or throw.
  std::list<Listener> done;
  for (auto each = bus.listeners_.begin(); each != bus.listeners_.end(); ++each) {
    if (&*each != listener) continue;
    done.splice(done.begin(), bus.listeners_, each);
    break;
  }
  try {
    listener->on_reply(reply_of(message, listener->answer, listener->due));
  } catch (...) {
    bus.thrown_ = std::current_exception();
  }
  return 1;
}

int Bus::take_signal(sd_bus_message* message, void* pointer, sd_bus_error* /*error*/) {
  auto* const listener = static_cast<Listener*>(pointer);
  Json arguments;
  try {
    arguments = decode(message);
  } catch (const BusFailure&) {
    return 0;
  }
  try {
    listener->on_signal({sd_bus_message_get_path(message), sd_bus_message_get_interface(message),
                         sd_bus_message_get_member(message), std::move(arguments)});
  } catch (...) {
    listener->bus->thrown_ = std::current_exception();
  }
  return 0;  // for other matches, too
}

void Bus::rethrow() {
  if (thrown_) std::rethrow_exception(std::exchange(thrown_, nullptr));
}

void Bus::process() {
  for (int result = 1; result > 0;) {
    result = sd_bus_process(bus_.get(), nullptr);
    rethrow();
    require(result);
  }
}

void Bus::wait_for(const std::function<bool()>& done) {
  static_cast<void>(wait_for(done, std::chrono::microseconds::max()));
}

bool Bus::wait_for(const std::function<bool()>& done, std::chrono::microseconds at_most) {
  const Clock::time_point begin = Clock::now();
  for (;;) {
    process();
    if (done()) return true;
    const auto left = at_most - std::chrono::duration_cast<std::chrono::microseconds>(Clock::now() - begin);
    if (left.count() <= 0) return false;
    const bool endless = at_most == std::chrono::microseconds::max();
    const int result = sd_bus_wait(bus_.get(), endless ? UINT64_MAX : static_cast<std::uint64_t>(left.count()));
    if (result != -EINTR) require(result);
  }
}

}  // namespace preforkd
