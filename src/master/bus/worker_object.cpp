// SPDX-License-Identifier: MIT
#include "master/bus/worker_object.hpp"

#include <chrono>
#include <csignal>
#include <limits>

#include "dbus/words.hpp"

namespace preforkd {

WorkerObject::WorkerObject(sdbus::IConnection& connection, const BusContext& context, unsigned slot)
    : AdaptorInterfaces(connection, sdbus::ObjectPath(dbus::worker_path(slot))), context_(context), slot_(slot) {
  registerAdaptor();
  getObject().emitInterfacesAddedSignal();
}

WorkerObject::~WorkerObject() {
  try {
    getObject().emitInterfacesRemovedSignal();
  } catch (const sdbus::Error&) {
    // The connection is lost, and its clients know that.
  }
  unregisterAdaptor();
}

void WorkerObject::tell_changes() {
  tell_changed(getObject(), INTERFACE_NAME,
               {"PID", "Generation", "State", "StartedAt", "ReadyAt", "DrainDeadline", "LastExitCause"});
}

void WorkerObject::Recycle(sdbus::Result<>&& result) {
  guarded([&] {
    // The object may be destroyed when polkit answers: nothing of it is captured.
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::manage, {{"slot", std::to_string(slot_)}}},
        BusReply<>(context_.replies, std::move(result)),
        [&context = context_, slot = slot_](const std::string& who, const BusReply<>& to) {
          if (context.control.recycle(slot, who)) return to.results();
          if (context.control.pool().state() == PoolState::stopping)
            return to.error(bus_error(dbus::error::stopping, pool_is_stopping));
          to.error(bus_error(dbus::error::no_such_worker, "slot " + std::to_string(slot) + ": is no longer used"));
        });
  });
}

void WorkerObject::Kill(sdbus::Result<>&& result, std::int32_t signal) {
  guarded([&] {
    const BusReply<> reply(context_.replies, std::move(result));
    if (signal < 1 || signal > SIGRTMAX)
      return reply.error(bus_error(dbus::error::out_of_range, "signal " + std::to_string(signal) +
                                                                  ": must be from 1 to " + std::to_string(SIGRTMAX)));
    context_.authorization.when_allowed(
        {caller_of(getObject()), BusAction::manage, {{"slot", std::to_string(slot_)}}}, reply,
        [&context = context_, slot = slot_, signal](const std::string& who, const BusReply<>& to) {
          if (context.control.kill(slot, signal, who)) return to.results();
          to.error(bus_error(dbus::error::no_such_worker, "slot " + std::to_string(slot) + ": has no worker"));
        });
  });
}

WorkerFacts WorkerObject::facts() const {
  const std::optional<WorkerView> worker = view();
  return worker ? context_.control.worker_facts(worker->id) : WorkerFacts{};
}

WorkerUsage WorkerObject::usage() const {
  const std::optional<WorkerView> worker = view();
  return worker ? context_.control.worker_usage(worker->id) : WorkerUsage{};
}

NamedCounts WorkerObject::named_counts() const {
  const std::optional<WorkerView> worker = view();
  return worker ? context_.control.named_counts(worker->id) : NamedCounts{};
}

std::uint32_t WorkerObject::PID() {
  return guarded([&] { return static_cast<std::uint32_t>(facts().pid); });
}

std::uint32_t WorkerObject::Generation() {
  return guarded([&] {
    const auto worker = view();
    return worker ? worker->generation : 0;
  });
}

std::string WorkerObject::State() {
  return guarded([&]() -> std::string {
    if (const auto worker = view()) return std::string(to_string(worker->state));
    const std::optional<SlotView> idle = context_.control.pool().idle_slot(slot_);
    if (idle && idle->down) return dbus::state::down;
    return idle && idle->retry_at ? dbus::state::backoff : dbus::state::empty;
  });
}

std::string WorkerObject::StatusText() {
  return guarded([&] { return bus_text(facts().status_text); });
}

std::uint64_t WorkerObject::StartedAt() {
  return guarded([&] {
    const auto worker = view();
    return worker ? context_.times.of(worker->started_at) : 0;
  });
}

std::uint64_t WorkerObject::ReadyAt() {
  return guarded([&] {
    const auto worker = view();
    return worker ? context_.times.of(worker->ready_at) : 0;
  });
}

std::uint64_t WorkerObject::DrainDeadline() {
  return guarded([&] {
    const auto worker = view();
    return worker ? context_.times.of(worker->drain_deadline) : 0;
  });
}

bool WorkerObject::Counts() {
  return guarded([&] { return facts().counters.counts; });
}
std::uint64_t WorkerObject::Connections() {
  return guarded([&] { return facts().counters.connections; });
}
std::uint64_t WorkerObject::ConnectionsTotal() {
  return guarded([&] { return facts().counters.connections_total; });
}
std::uint64_t WorkerObject::ConnectionsRefused() {
  return guarded([&] { return facts().counters.connections_refused; });
}
std::uint64_t WorkerObject::ConnectionsAdopted() {
  return guarded([&] { return facts().counters.connections_adopted; });
}
std::uint64_t WorkerObject::ConnectionsHandedOver() {
  return guarded([&] { return facts().counters.connections_handed_over; });
}
std::uint64_t WorkerObject::AcceptFailures() {
  return guarded([&] { return facts().counters.accept_failures; });
}
std::uint64_t WorkerObject::RequestsTotal() {
  return guarded([&] { return facts().counters.requests_total; });
}
std::uint64_t WorkerObject::BytesIn() {
  return guarded([&] { return facts().counters.bytes_in; });
}
std::uint64_t WorkerObject::BytesOut() {
  return guarded([&] { return facts().counters.bytes_out; });
}
std::uint64_t WorkerObject::WorkerMessages() {
  return guarded([&] { return facts().counters.worker_messages; });
}
std::uint64_t WorkerObject::WorkerMessagesDropped() {
  return guarded([&] { return facts().counters.worker_messages_dropped; });
}

std::map<std::string, std::uint64_t> WorkerObject::Closes() {
  return guarded([&] { return named_counts().closes; });
}
std::map<std::string, std::uint64_t> WorkerObject::ApplicationCounters() {
  return guarded([&] { return named_counts().application; });
}

std::uint64_t WorkerObject::MemoryBytes() {
  return guarded([&] { return usage().memory; });
}
std::uint64_t WorkerObject::CPUUSec() {
  return guarded([&] {
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(usage().cpu).count());
  });
}
std::uint64_t WorkerObject::Processes() {
  return guarded([&] { return usage().processes; });
}
std::uint64_t WorkerObject::OOMKills() {
  return guarded([&] { return usage().oom_kills.value_or(std::numeric_limits<std::uint64_t>::max()); });
}
std::map<std::string, double> WorkerObject::Pressure() {
  return guarded([&] { return usage().pressure; });
}

std::uint64_t WorkerObject::Crashes() { return context_.control.pool().history().slot(slot_).crashes; }
std::string WorkerObject::LastExitCause() {
  const auto cause = context_.control.pool().history().slot(slot_).last_cause;
  return cause ? std::string(to_string(*cause)) : "";
}

}  // namespace preforkd
