// SPDX-License-Identifier: MIT
#include "pools/bus/pool_snapshot.hpp"

#include <algorithm>
#include <limits>

#include "dbus/words.hpp"

namespace preforkd {
namespace {

// Leaves `out` unchanged if the value is missing or of another type.
template <class T>
void take(const Json& value, T& out) {
  if constexpr (std::is_same_v<T, bool>) {
    if (value.is_boolean()) out = value.get<bool>();
  } else if constexpr (std::is_integral_v<T>) {
    // A number that is too large becomes the maximum of its type: it is only shown.
    if (value.is_number_unsigned()) {
      out = static_cast<T>(std::min<std::uint64_t>(value.get<std::uint64_t>(), std::numeric_limits<T>::max()));
    } else if (value.is_number_integer()) {
      out = static_cast<T>(std::max<std::int64_t>(value.get<std::int64_t>(), std::numeric_limits<T>::min()));
    }
  } else if (value.is_string()) {
    out = value.get<std::string>();
  }
}

template <class T>
void take(const Json& properties, const char* name, T& out) {
  const auto found = properties.find(name);
  if (found != properties.end()) take(*found, out);
}

// The members of a struct, in order.
template <class... T>
void take_row(const Json& row, T&... out) {
  std::size_t index = 0;
  const auto next = [&](auto& member) {
    if (row.is_array() && index < row.size()) take(row[index], member);
    ++index;
  };
  (next(out), ...);
}

std::map<std::string, std::uint64_t> counts_by_name(const Json& properties, const char* name) {
  std::map<std::string, std::uint64_t> counts;
  const auto found = properties.find(name);
  if (found == properties.end() || !found->is_object()) return counts;
  for (const auto& [key, count] : found->items()) {
    if (count.is_number_unsigned()) take(count, counts[key]);
  }
  return counts;
}

std::map<std::string, double> numbers_by_name(const Json& properties, const char* name) {
  std::map<std::string, double> numbers;
  const auto found = properties.find(name);
  if (found == properties.end() || !found->is_object()) return numbers;
  for (const auto& [key, number] : found->items()) {
    if (number.is_number()) numbers[key] = number.get<double>();
  }
  return numbers;
}

CounterSnapshot counters(const Json& properties) {
  CounterSnapshot all;
  take(properties, "Counts", all.counts);
  take(properties, "Connections", all.connections);
  take(properties, "ConnectionsTotal", all.connections_total);
  take(properties, "ConnectionsRefused", all.connections_refused);
  take(properties, "ConnectionsAdopted", all.connections_adopted);
  take(properties, "ConnectionsHandedOver", all.connections_handed_over);
  take(properties, "AcceptFailures", all.accept_failures);
  take(properties, "RequestsTotal", all.requests_total);
  take(properties, "BytesIn", all.bytes_in);
  take(properties, "BytesOut", all.bytes_out);
  take(properties, "WorkerMessages", all.worker_messages);
  take(properties, "WorkerMessagesDropped", all.worker_messages_dropped);
  all.closes = counts_by_name(properties, "Closes");
  all.application = counts_by_name(properties, "ApplicationCounters");
  return all;
}

}  // namespace

PoolSnapshot pool_snapshot(const Json& properties) {
  PoolSnapshot pool;
  take(properties, "Name", pool.name);
  take(properties, "Description", pool.description);
  take(properties, "State", pool.state);
  take(properties, "StatusText", pool.status_text);
  take(properties, "Generation", pool.generation);
  take(properties, "TargetWorkers", pool.target_workers);
  take(properties, "Scaling", pool.scaling);
  take(properties, "MinWorkers", pool.min_workers);
  take(properties, "MaxWorkers", pool.max_workers);
  take(properties, "ReadyWorkers", pool.ready_workers);
  take(properties, "DrainingWorkers", pool.draining_workers);
  take(properties, "Drained", pool.drained);
  pool.counters = counters(properties);
  take(properties, "ConnectionsClosedByKeepers", pool.connections_closed_by_keepers);
  pool.connections_not_taken = counts_by_name(properties, "ConnectionsNotTaken");
  take(properties, "BusyUSec", pool.busy_us);
  take(properties, "Crashes", pool.crashes);
  take(properties, "Restarts", pool.restarts);
  pool.exits = counts_by_name(properties, "Exits");
  for (const Json& row : properties.value("Listeners", Json::array())) {
    ListenerSnapshot& listener = pool.listeners.emplace_back();
    take_row(row, listener.name, listener.address, listener.queued, listener.limit);
  }
  take(properties, "ConfigFile", pool.config_file);
  for (const Json& argument : properties.value("Program", Json::array())) {
    take(argument, pool.program.emplace_back());
  }
  take(properties, "MainPID", pool.main_pid);
  take(properties, "Version", pool.version);
  take(properties, "StartedAt", pool.started_at);
  take(properties, "AdoptedWorkers", pool.adopted_workers);
  take_row(properties.value("LastReload", Json::array()), pool.last_reload.at, pool.last_reload.ok,
           pool.last_reload.message);
  return pool;
}

WorkerSnapshot worker_snapshot(const Json& properties) {
  WorkerSnapshot worker;
  take(properties, "Slot", worker.slot);
  take(properties, "PID", worker.pid);
  take(properties, "Generation", worker.generation);
  take(properties, "State", worker.state);
  take(properties, "StatusText", worker.status_text);
  take(properties, "StartedAt", worker.started_at);
  take(properties, "ReadyAt", worker.ready_at);
  take(properties, "DrainDeadline", worker.drain_deadline);
  worker.counters = counters(properties);
  take(properties, "MemoryBytes", worker.memory_bytes);
  take(properties, "CPUUSec", worker.cpu_us);
  take(properties, "Processes", worker.processes);
  constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();
  std::uint64_t oom_kills = unknown;
  take(properties, "OOMKills", oom_kills);
  if (oom_kills != unknown) worker.oom_kills = oom_kills;
  worker.pressure = numbers_by_name(properties, "Pressure");
  take(properties, "Crashes", worker.crashes);
  take(properties, "LastExitCause", worker.last_exit_cause);
  return worker;
}

std::vector<WorkerSnapshot> worker_snapshots(const Json& objects) {
  std::vector<WorkerSnapshot> workers;
  for (const auto& [path, interfaces] : objects.items()) {
    const auto found = interfaces.find(dbus::worker_interface);
    if (found != interfaces.end()) workers.push_back(worker_snapshot(*found));
  }
  std::sort(workers.begin(), workers.end(),
            [](const WorkerSnapshot& left, const WorkerSnapshot& right) { return left.slot < right.slot; });
  return workers;
}

std::vector<ProcessSnapshot> process_snapshots(const Json& rows) {
  std::vector<ProcessSnapshot> processes;
  for (const Json& row : rows) {
    ProcessSnapshot& each = processes.emplace_back();
    take_row(row, each.slot, each.pid, each.state, each.generation, each.connections);
  }
  return processes;
}

std::vector<PastExit> past_exits(const Json& rows) {
  std::vector<PastExit> exits;
  for (const Json& row : rows) {
    PastExit& each = exits.emplace_back();
    take_row(row, each.at, each.slot, each.pid, each.generation, each.cause, each.kind, each.status, each.failure,
             each.text, each.cpu_us, each.max_memory);
  }
  return exits;
}

std::vector<PlannedChange> planned_changes(const Json& rows) {
  std::vector<PlannedChange> changes;
  for (const Json& row : rows) {
    PlannedChange& each = changes.emplace_back();
    take_row(row, each.key, each.now, each.then, each.needs);
  }
  return changes;
}

}  // namespace preforkd
