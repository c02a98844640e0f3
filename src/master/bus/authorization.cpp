// SPDX-License-Identifier: MIT
#include "master/bus/authorization.hpp"

#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "dbus/words.hpp"
#include "master/base/log.hpp"
#include "master/bus/native_bus.hpp"

namespace preforkd {
namespace {

constexpr std::uint64_t user_timeout_usec = 10'000'000;
constexpr std::uint64_t polkit_timeout_usec = 120'000'000;  // a user may have to type a password

constexpr const char* error_limits = "org.freedesktop.DBus.Error.LimitsExceeded";

// CheckAuthorization((sa{sv}) subject, s action, a{ss} details, u flags, s cancellation) of polkit's D-Bus interface.
NativeMessage make_question(sd_bus* bus, const Authorization::Question& question) {
  NativeMessage call = native_call(bus, "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority",
                                   "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
  sd_bus_message* m = call.get();
  check_native(sd_bus_message_append(m, "(sa{sv})s", "system-bus-name", 1, "name", "s", question.caller.sender.c_str(),
                                     polkit_id(question.action)),
               "CheckAuthorization");
  check_native(sd_bus_message_open_container(m, 'a', "{ss}"), "CheckAuthorization");
  for (const auto& [name, value] : question.details) {
    check_native(sd_bus_message_append(m, "{ss}", name.c_str(), value.c_str()), "CheckAuthorization");
  }
  check_native(sd_bus_message_close_container(m), "CheckAuthorization");
  const std::uint32_t flags = question.caller.interactive ? 1 : 0;  // AllowUserInteraction
  check_native(sd_bus_message_append(m, "us", flags, ""), "CheckAuthorization");
  return call;
}

sdbus::Error too_many() { return bus_error(error_limits, "too many calls wait for an authorization; try again later"); }

bool is_absent(const sd_bus_error& error) noexcept {
  return sd_bus_error_has_name(&error, "org.freedesktop.DBus.Error.ServiceUnknown") > 0 ||
         sd_bus_error_has_name(&error, "org.freedesktop.DBus.Error.NameHasNoOwner") > 0;
}

// polkit lets only root and the owners of an action ask about other users.
std::string owner_hint(const sd_bus_error& error) {
  if (sd_bus_error_has_name(&error, "org.freedesktop.PolicyKit1.Error.NotAuthorized") <= 0) return "";
  return "; to let this pool ask, add unix-user:" + std::to_string(geteuid()) +
         " to the owners in /usr/share/polkit-1/actions/org.preforkd1.policy, see POLKIT in org.preforkd1(5)";
}

}  // namespace

const char* polkit_id(BusAction action) noexcept {
  return action == BusAction::reload ? "org.preforkd1.reload" : "org.preforkd1.manage";
}

struct Authorization::Pending {
  void user_known(sd_bus_message* reply) { owner->user_known(*this, reply); }
  void polkit_answered(sd_bus_message* reply) { owner->polkit_answered(*this, reply); }

  Authorization* owner = nullptr;
  Question question;
  Answer answer;
  std::string who;
  std::optional<std::uint32_t> at_polkit;  // polkit is asked about this user
  NativeSlot call;
  std::list<Pending>::iterator self;
};

Authorization::Authorization(sdbus::IConnection& connection, std::string pool)
    : bus_(native_bus(connection)), pool_(std::move(pool)) {}
Authorization::~Authorization() = default;

void Authorization::ask(Question question, Answer answer) {
  if (pending_.size() >= max_pending) {
    const sdbus::Error refused = too_many();
    return answer(&refused, "");
  }
  const NativeMessage call = native_call(bus_, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
                                         "GetConnectionUnixUser");
  check_native(sd_bus_message_append(call.get(), "s", question.caller.sender.c_str()), "GetConnectionUnixUser");
  Pending& pending = pending_.emplace_back();
  pending.self = std::prev(pending_.end());
  pending.owner = this;
  pending.question = std::move(question);
  pending.question.details.emplace("pool", pool_);
  pending.answer = std::move(answer);
  try {
    pending.call = send_native(bus_, call, native_handler<&Pending::user_known>, &pending, user_timeout_usec);
  } catch (const std::exception&) {
    pending_.pop_back();
    throw;
  }
}

// The uid that the bus itself has seen: the one in /proc differs in a user namespace, and is hidden in a sandbox.
void Authorization::user_known(Pending& pending, sd_bus_message* reply) {
  std::uint32_t uid = 0;
  if (sd_bus_message_is_method_error(reply, nullptr) > 0 || sd_bus_message_read(reply, "u", &uid) < 0) {
    const sdbus::Error refused = bus_error(dbus::error::not_authorized, "the bus does not identify the caller");
    return finish(pending, &refused);
  }
  pending.who = "uid " + std::to_string(uid);
  if (uid == 0 || uid == geteuid()) return finish(pending, nullptr);
  if (!may_ask_polkit(uid)) {
    const sdbus::Error refused = too_many();
    return finish(pending, &refused);
  }
  pending.at_polkit = uid;
  ask_polkit(pending);
}

bool Authorization::may_ask_polkit(std::uint32_t uid) const {
  const auto count = [this](auto counts) { return std::count_if(pending_.begin(), pending_.end(), counts); };
  const auto of_all = count([](const Pending& each) { return each.at_polkit.has_value(); });
  const auto of_user = count([uid](const Pending& each) { return each.at_polkit == uid; });
  return std::cmp_less(of_all, max_at_polkit) && std::cmp_less(of_user, max_per_user);
}

void Authorization::ask_polkit(Pending& pending) {
  try {
    pending.call = send_native(bus_, make_question(bus_, pending.question), native_handler<&Pending::polkit_answered>,
                               &pending, polkit_timeout_usec);
  } catch (const std::exception& error) {
    const sdbus::Error refused =
        bus_error(dbus::error::not_authorized, std::string("polkit cannot be asked: ") + error.what());
    finish(pending, &refused);
  }
}

void Authorization::polkit_answered(Pending& pending, sd_bus_message* reply) {
  const std::string action = polkit_id(pending.question.action);
  if (const sd_bus_error* error = sd_bus_message_get_error(reply)) {
    const std::string why =
        is_absent(*error)
            ? "polkit is not available, so only root and the pool's user are allowed"
            : "polkit: " + std::string(error->message != nullptr ? error->message : error->name) + owner_hint(*error);
    // A caller that repeats its call must not fill the log.
    if (!is_absent(*error) && std::exchange(complaint_, why) != why) log::warning("cannot ask " + why);
    const sdbus::Error refused =
        bus_error(dbus::error::not_authorized, action + " is not allowed for " + pending.who + ": " + why);
    return finish(pending, &refused);
  }
  int allowed = 0;
  int challenge = 0;
  if (sd_bus_message_enter_container(reply, 'r', "bba{ss}") < 0 ||
      sd_bus_message_read(reply, "bb", &allowed, &challenge) < 0)
    allowed = challenge = 0;
  if (allowed != 0) return finish(pending, nullptr);
  const sdbus::Error refused = bus_error(
      dbus::error::not_authorized, action + " is not allowed for " + pending.who +
                                       (challenge != 0 ? ": authentication as an administrator is required" : ""));
  finish(pending, &refused);
}

void Authorization::finish(Pending& pending, const sdbus::Error* refused) {
  const Answer answer = std::move(pending.answer);
  const std::string who = std::move(pending.who);
  pending_.erase(std::list<Pending>::iterator(pending.self));
  try {
    answer(refused, who);
  } catch (const std::exception& error) {
    log::error(std::string("internal error, a call was not fully handled: ") + error.what());
  }
}

}  // namespace preforkd
