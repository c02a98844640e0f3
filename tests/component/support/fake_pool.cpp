// SPDX-License-Identifier: MIT
#include "support/fake_pool.hpp"

#include <poll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <array>

#include "support/deadline.hpp"

namespace preforkd::component {
namespace {

constexpr char pool_path[] = "/org/preforkd1";
constexpr std::uint64_t started_at = 1'700'000'000'000'000;

void check(int result, const char* what) {
  if (result < 0) throw HarnessError(std::string("fake pool: ") + what + " failed: " + std::to_string(result));
}

void property(sd_bus_message* reply, const char* name, const std::string& value) {
  check(sd_bus_message_append(reply, "{sv}", name, "s", value.c_str()), name);
}
void property(sd_bus_message* reply, const char* name, std::uint32_t value) {
  check(sd_bus_message_append(reply, "{sv}", name, "u", value), name);
}
void property64(sd_bus_message* reply, const char* name, std::uint64_t value) {
  check(sd_bus_message_append(reply, "{sv}", name, "t", value), name);
}

void counters(sd_bus_message* reply, std::uint64_t scale, const FakePoolState& state) {
  check(sd_bus_message_append(reply, "{sv}", "Counts", "b", static_cast<int>(state.counts)), "Counts");
  if (!state.counts) scale = 0;
  if (state.absurd) {
    for (const char* const name :
         {"Connections", "ConnectionsTotal", "ConnectionsRefused", "ConnectionsAdopted", "ConnectionsHandedOver",
          "AcceptFailures", "RequestsTotal", "BytesIn", "BytesOut", "WorkerMessages", "WorkerMessagesDropped"})
      property64(reply, name, UINT64_MAX);
    return;
  }
  property64(reply, "Connections", 4 * scale);
  property64(reply, "ConnectionsTotal", 10 * scale);
  property64(reply, "ConnectionsRefused", 5 * scale);
  property64(reply, "ConnectionsAdopted", 6 * scale);
  property64(reply, "ConnectionsHandedOver", 7 * scale);
  property64(reply, "AcceptFailures", 2 * scale);
  property64(reply, "RequestsTotal", 100 * scale);
  property64(reply, "BytesIn", 2048 * scale);
  property64(reply, "BytesOut", 4096 * scale);
  property64(reply, "WorkerMessages", 8 * scale);
  property64(reply, "WorkerMessagesDropped", 3 * scale);
}

void append_pool(sd_bus_message* reply, const FakePoolState& state) {
  const auto count = static_cast<std::uint32_t>(state.workers.size());
  check(sd_bus_message_open_container(reply, 'a', "{sv}"), "open");
  property(reply, "Name", state.name);
  property(reply, "Description", state.description);
  property(reply, "State", state.state);
  property(reply, "StatusText", "all is well");
  property(reply, "Generation", state.generation);
  property(reply, "TargetWorkers", count);
  property(reply, "MinWorkers", state.min_workers);
  property(reply, "MaxWorkers", state.max_workers);
  property(reply, "ReadyWorkers", count);
  property(reply, "DrainingWorkers", 0U);
  counters(reply, count, state);
  property64(reply, "ConnectionsClosedByKeepers", 8);
  property64(reply, "Crashes", 1);
  property64(reply, "Restarts", 2);
  check(sd_bus_message_append(reply, "{sv}", "Listeners", "a(ssuu)", 1, "l0", "127.0.0.1:9505", 3U, 128U), "Listeners");
  property(reply, "ConfigFile", "/etc/preforkd/echo.json");
  check(sd_bus_message_append(reply, "{sv}", "Program", "as", 2, "/usr/bin/worker", "--fast"), "Program");
  property(reply, "MainPID", 4000U);
  property(reply, "Version", "0.1.0");
  property64(reply, "StartedAt", state.absurd ? UINT64_MAX : started_at);
  check(sd_bus_message_append(reply, "{sv}", "LastReload", "(tbs)", started_at, 1, "generation 1 is live"),
        "LastReload");
  check(sd_bus_message_close_container(reply), "close");
}

void append_worker(sd_bus_message* reply, const FakeWorker& worker, const FakePoolState& state) {
  check(sd_bus_message_open_container(reply, 'a', "{sv}"), "open");
  property(reply, "Slot", worker.slot);
  property(reply, "PID", worker.pid);
  property(reply, "Generation", state.generation);
  property(reply, "State", worker.state);
  property(reply, "StatusText", worker.status_text);
  property64(reply, "StartedAt", started_at);
  property64(reply, "ReadyAt", started_at);
  property64(reply, "DrainDeadline", state.absurd ? UINT64_MAX : 0);
  counters(reply, 1, state);
  property64(reply, "MemoryBytes", state.absurd ? UINT64_MAX : 3 << 20);
  property64(reply, "CPUUSec", state.absurd ? UINT64_MAX : 250'000);
  property64(reply, "Processes", state.absurd ? UINT64_MAX : 2);
  property64(reply, "OOMKills", state.absurd ? UINT64_MAX - 1 : 0);
  check(sd_bus_message_append(reply, "{sv}", "Pressure", "a{sd}", 1, "cpu", state.absurd ? 1e300 : 12.5), "Pressure");
  property64(reply, "Crashes", 0);
  property(reply, "LastExitCause", worker.last_exit_cause);
  check(sd_bus_message_close_container(reply), "close");
}

// The object of a path; the pool for any path but a worker's.
void append_object(sd_bus_message* reply, const std::string& path, const FakePoolState& state) {
  for (const FakeWorker& worker : state.workers) {
    if (path == std::string(pool_path) + "/worker/" + std::to_string(worker.slot))
      return append_worker(reply, worker, state);
  }
  append_pool(reply, state);
}

void append_objects(sd_bus_message* reply, const FakePoolState& state) {
  check(sd_bus_message_open_container(reply, 'a', "{oa{sa{sv}}}"), "open");
  for (const FakeWorker& worker : state.workers) {
    const std::string path = std::string(pool_path) + "/worker/" + std::to_string(worker.slot);
    check(sd_bus_message_open_container(reply, 'e', "oa{sa{sv}}"), "open");
    check(sd_bus_message_append(reply, "o", path.c_str()), "path");
    check(sd_bus_message_open_container(reply, 'a', "{sa{sv}}"), "open");
    check(sd_bus_message_open_container(reply, 'e', "sa{sv}"), "open");
    check(sd_bus_message_append(reply, "s", "org.preforkd1.Worker"), "interface");
    append_worker(reply, worker, state);
    for (int level = 0; level < 3; ++level) check(sd_bus_message_close_container(reply), "close");
  }
  check(sd_bus_message_close_container(reply), "close");
}

void append_processes(sd_bus_message* reply, const FakePoolState& state) {
  check(sd_bus_message_open_container(reply, 'a', "(uusuto)"), "open");
  for (const FakeWorker& worker : state.workers) {
    const std::string path = std::string(pool_path) + "/worker/" + std::to_string(worker.slot);
    if (worker.pid == 0) continue;
    check(sd_bus_message_append(reply, "(uusuto)", worker.slot, worker.pid, worker.state.c_str(), state.generation,
                                state.counts ? std::uint64_t{4} : 0, path.c_str()),
          "worker");
  }
  check(sd_bus_message_close_container(reply), "close");
}

void append_exits(sd_bus_message* reply, const FakePoolState& state, bool failed) {
  check(sd_bus_message_open_container(reply, 'a', "(tuuussibstt)"), "open");
  if (failed) {
    check(sd_bus_message_append(reply, "(tuuussibstt)", state.absurd ? UINT64_MAX : state.exit_at, 1U, state.exit_pid,
                                2U, "exit", "exited", 7, 1, state.exit_text.c_str(),
                                state.absurd ? UINT64_MAX : std::uint64_t{1'240'000},
                                state.absurd ? UINT64_MAX : std::uint64_t{83 << 20}),
          "failure");
  }
  check(sd_bus_message_append(reply, "(tuuussibstt)", started_at, 0U, 4710U, 1U, "recycled", "exited", 0, 0,
                              "left: exit status 0", std::uint64_t{0}, std::uint64_t{0}),
        "exit");
  check(sd_bus_message_close_container(reply), "close");
}

}  // namespace

FakePool::FakePool(const std::string& bus_address, FakePoolState state)
    : state_(std::move(state)), stop_(::eventfd(0, EFD_CLOEXEC)) {
  sd_bus* bus = nullptr;
  check(sd_bus_new(&bus), "sd_bus_new");
  bus_.reset(bus);
  check(sd_bus_set_address(bus, bus_address.c_str()), "sd_bus_set_address");
  check(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client");
  check(sd_bus_start(bus), "sd_bus_start");
  check(sd_bus_add_fallback(bus, nullptr, pool_path, take, this), "sd_bus_add_fallback");
  check(sd_bus_request_name(bus, ("org.preforkd1." + state_.name).c_str(), 0), "sd_bus_request_name");
  thread_ = std::thread([this] { serve(); });
}

FakePool::~FakePool() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
}

void FakePool::serve() {
  for (;;) {
    std::array<pollfd, 2> entries{};
    {
      const std::lock_guard lock(mutex_);
      while (sd_bus_process(bus_.get(), nullptr) > 0) {
      }
      entries = {{{sd_bus_get_fd(bus_.get()), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    }
    if (::poll(entries.data(), entries.size(), -1) > 0 && entries[1].revents != 0) return;
  }
}

void FakePool::fail(const std::string& member, MethodError error) {
  const std::lock_guard lock(mutex_);
  errors_[member] = std::move(error);
}

void FakePool::stay_silent(const std::string& member) {
  const std::lock_guard lock(mutex_);
  silent_.insert(member);
}

void FakePool::answer_nonsense(const std::string& member) {
  const std::lock_guard lock(mutex_);
  nonsense_.insert(member);
}

std::vector<std::string> FakePool::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

void FakePool::tell_exit(std::uint32_t slot, std::uint32_t pid, const std::string& cause, const std::string& text) {
  const std::lock_guard lock(mutex_);
  check(sd_bus_emit_signal(bus_.get(), pool_path, "org.preforkd1.Pool", "WorkerExited", "uuussis", slot, pid, 2U,
                           cause.c_str(), "exited", 7, text.c_str()),
        "WorkerExited");
  sd_bus_flush(bus_.get());
}

void FakePool::tell_descriptor() {
  const std::lock_guard lock(mutex_);
  check(sd_bus_emit_signal(bus_.get(), pool_path, "org.preforkd1.Pool", "WorkerReady", "h", stop_.get()),
        "WorkerReady");
}

int FakePool::take(sd_bus_message* message, void* pool, sd_bus_error* /*error*/) {
  if (sd_bus_message_is_method_call(message, nullptr, nullptr) <= 0) return 0;
  return static_cast<FakePool*>(pool)->answer(message);
}

void FakePool::note(sd_bus_message* message, const std::string& member) {
  std::string call = member;
  const std::string path = sd_bus_message_get_path(message);
  if (path != pool_path) call += ' ' + path;
  char type = 0;
  if (sd_bus_message_peek_type(message, &type, nullptr) > 0 && (type == 'u' || type == 'i' || type == 'b')) {
    std::int32_t number = 0;
    sd_bus_message_read_basic(message, type, &number);
    call += ' ' + std::to_string(number);
  }
  if (sd_bus_message_get_allow_interactive_authorization(message) > 0) call += " interactive";
  calls_.push_back(call);
}

int FakePool::answer(sd_bus_message* message) {
  const std::string member = sd_bus_message_get_member(message);
  note(message, member);
  if (silent_.contains(member)) return 1;
  if (const auto error = errors_.find(member); error != errors_.end()) {
    return sd_bus_reply_method_errorf(message, error->second.name.c_str(), "%s", error->second.text.c_str());
  }
  if (nonsense_.contains(member)) return sd_bus_reply_method_return(message, "s", "nonsense");
  return answer_pool(message, member);
}

int FakePool::answer_pool(sd_bus_message* message, const std::string& member) {
  if (member == "Reload") {
    sd_bus_emit_signal(bus_.get(), pool_path, "org.preforkd1.Pool", "WorkerStarted", "uuu", 0U, 5000U, 2U);
    sd_bus_emit_signal(bus_.get(), pool_path, "org.preforkd1.Pool", "WorkerReady", "uuu", 0U, 5000U, 2U);
    sd_bus_emit_signal(bus_.get(), pool_path, "org.preforkd1.Pool", "ReloadFinished", "bus", 1, 2U,
                       "generation 2 is live");
  }
  const bool reloaded =
      std::any_of(calls_.begin(), calls_.end(), [](const auto& call) { return call.starts_with("Reload"); });
  sd_bus_message* reply = nullptr;
  check(sd_bus_message_new_method_return(message, &reply), "reply");
  if (member == "GetAll") append_object(reply, sd_bus_message_get_path(message), state_);
  if (member == "GetManagedObjects") append_objects(reply, state_);
  if (member == "ListWorkers") append_processes(reply, state_);
  if (member == "ExitHistory") append_exits(reply, state_, !state_.fails_at_reload || reloaded);
  if (member == "Plan") {
    check(
        sd_bus_message_append(reply, "a(ssss)", 1, "settings.idle_timeout", "5min", "1min", state_.plan_needs.c_str()),
        "changes");
  }
  const int result = sd_bus_send(nullptr, reply, nullptr);
  sd_bus_message_unref(reply);
  return result < 0 ? result : 1;
}

}  // namespace preforkd::component
