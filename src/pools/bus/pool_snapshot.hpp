// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dbus/words.hpp"
#include "pools/bus/json.hpp"

namespace preforkd {

// What the interfaces org.preforkd1.Pool and .Worker say at one moment, as plain data: times are microseconds since
// 1970, sizes bytes, 0 or "" means none. So does a property that the pool does not have (another version).

struct ListenerSnapshot {
  std::string name;
  std::string address;
  std::uint32_t queued = 0;
  std::uint32_t limit = 0;
};

struct CounterSnapshot {
  bool counts = true;  // false: the rest means nothing; old versions do not say, and count
  std::uint64_t connections = 0;
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_adopted = 0;
  std::uint64_t connections_handed_over = 0;
  std::uint64_t accept_failures = 0;
  std::uint64_t requests_total = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t worker_messages = 0;
  std::uint64_t worker_messages_dropped = 0;
  std::map<std::string, std::uint64_t> closes;       // by reason; empty if the pool does not report them
  std::map<std::string, std::uint64_t> application;  // by the application's names
};

struct ReloadSnapshot {
  std::uint64_t at = 0;
  bool ok = false;
  std::string message;
};

struct PoolSnapshot {
  std::string name;
  std::string description;
  std::string state;
  std::string status_text;
  std::uint32_t generation = 0;
  std::uint32_t target_workers = 0;
  std::string scaling;  // "" of an old version
  std::uint32_t min_workers = 0;
  std::uint32_t max_workers = 0;
  std::uint32_t ready_workers = 0;
  std::uint32_t draining_workers = 0;
  bool drained = false;
  CounterSnapshot counters;
  std::uint64_t connections_closed_by_keepers = 0;
  std::map<std::string, std::uint64_t> connections_not_taken;  // by reason
  std::uint64_t busy_us = 0;
  std::uint64_t crashes = 0;
  std::uint64_t restarts = 0;
  std::map<std::string, std::uint64_t> exits;  // by cause; empty if the pool does not report them
  std::vector<ListenerSnapshot> listeners;
  std::string config_file;
  std::vector<std::string> program;
  std::uint32_t main_pid = 0;
  std::string version;
  std::uint64_t started_at = 0;
  std::uint32_t adopted_workers = 0;
  ReloadSnapshot last_reload;

  // Whether it serves as it should: running or reloading.
  [[nodiscard]] bool fine() const { return state == dbus::state::running || state == dbus::state::reloading; }
};

// A slot, with the process that serves in it, or starts or drains.
struct WorkerSnapshot {
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;
  std::uint32_t generation = 0;
  std::string state;
  std::string status_text;
  std::uint64_t started_at = 0;
  std::uint64_t ready_at = 0;
  std::uint64_t drain_deadline = 0;
  CounterSnapshot counters;
  std::uint64_t memory_bytes = 0;
  std::uint64_t cpu_us = 0;
  std::uint64_t processes = 0;             // 0: the pool does not report it
  std::optional<std::uint64_t> oom_kills;  // nullopt: unknown
  std::map<std::string, double> pressure;  // in percent, by "cpu", "memory", "io"
  std::uint64_t crashes = 0;
  std::string last_exit_cause;
};

// A process of Pool.ListWorkers().
struct ProcessSnapshot {
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;
  std::string state;
  std::uint32_t generation = 0;
  std::uint64_t connections = 0;
};

// An entry of Pool.ExitHistory().
struct PastExit {
  std::uint64_t at = 0;
  std::uint32_t slot = 0;
  std::uint32_t pid = 0;
  std::uint32_t generation = 0;
  std::string cause;
  std::string kind;
  std::int32_t status = 0;
  bool failure = false;
  std::string text;
  std::uint64_t cpu_us = 0;      // what it had used; 0: unknown
  std::uint64_t max_memory = 0;  // bytes

  bool operator==(const PastExit&) const = default;
};

// A difference of Pool.Plan(); values as text.
struct PlannedChange {
  std::string key;
  std::string now;
  std::string then;
  std::string needs;
};

// From a dictionary of properties by name.
[[nodiscard]] PoolSnapshot pool_snapshot(const Json& properties);
[[nodiscard]] WorkerSnapshot worker_snapshot(const Json& properties);
// The workers among the objects of ObjectManager.GetManagedObjects(), by slot.
[[nodiscard]] std::vector<WorkerSnapshot> worker_snapshots(const Json& objects);
// From the arrays that the methods return.
[[nodiscard]] std::vector<ProcessSnapshot> process_snapshots(const Json& rows);
[[nodiscard]] std::vector<PastExit> past_exits(const Json& rows);
[[nodiscard]] std::vector<PlannedChange> planned_changes(const Json& rows);

}  // namespace preforkd
