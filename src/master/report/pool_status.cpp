// SPDX-License-Identifier: MIT
#include "master/report/pool_status.hpp"

#include <algorithm>

#include "base/counted.hpp"

namespace preforkd {
namespace {

// "0 crashes", "1 crash (oom)", "3 crashes (last: hang)".
std::string crash_text(const SlotHistory& slot) {
  std::string text = counted(slot.crashes, "crash");
  if (!slot.crash_cause) return text;
  return text + (slot.crashes == 1 ? " (" : " (last: ") + std::string(to_string(*slot.crash_cause)) + ")";
}

std::string worker_line(const WorkerView& worker, const WorkerFacts& facts, const std::string& crashes, Instant now) {
  std::string line = "worker " + std::to_string(worker.slot) + ": pid " + std::to_string(facts.pid) + ", " +
                     std::string(to_string(worker.state)) + ", generation " + std::to_string(worker.generation) +
                     ", up " + spoken_time(now - worker.started_at);
  if (worker.remains) line += ", has left " + facts.remains;
  if (facts.counters.counts) {
    line += ", " + counted(facts.counters.connections, "connection") + ", " +
            counted(facts.counters.requests_total, "request");
  }
  line += ", " + crashes;
  if (worker.drain_deadline) line += ", killed in " + spoken_time(std::max(*worker.drain_deadline - now, Duration(0)));
  if (!facts.status_text.empty()) line += ", \"" + facts.status_text + "\"";
  return line;
}

std::string slot_line(const SlotView& slot, const std::string& crashes, Instant now) {
  std::string line = "worker " + std::to_string(slot.slot) + ": no process, " + crashes;
  if (slot.down) return line + ", down until a reload or recycle";
  if (slot.retry_at) line += ", next try in " + spoken_time(std::max(*slot.retry_at - now, Duration(0)));
  return line;
}

// A pool with all its workers has none: this saves a look through its slots.
std::uint64_t slots_down(const Pool& pool) {
  if (pool.ready_count() >= pool.target()) return 0;
  const std::vector<SlotView> idle = pool.idle_slots();
  return static_cast<std::uint64_t>(std::count_if(idle.begin(), idle.end(), [](const SlotView& s) { return s.down; }));
}

}  // namespace

std::string status_line(const Pool& pool, const WorkerLookup& lookup, std::optional<std::uint64_t> connections,
                        Instant now, WallTime wall_now) {
  std::string line = std::to_string(pool.ready_count()) + "/" + std::to_string(pool.target()) + " workers ready";
  if (pool.state() != PoolState::running) line += ", " + std::string(to_string(pool.state()));
  if (const auto down = slots_down(pool); down > 0) line += ", " + counted(down, "slot") + " down";
  line += ", generation " + std::to_string(pool.generation());
  if (connections) line += ", " + counted(*connections, "connection");
  if (pool.scheduler().reload_waits()) line += ", the reload waits for older generations";
  if (pool.draining_count() > 0) line += "; draining: " + describe(drains_of(pool.workers(), lookup), now, wall_now);
  return line;
}

std::vector<std::string> status_table(const Pool& pool, const WorkerLookup& lookup, Instant now) {
  const auto crashes = [&](unsigned slot) { return crash_text(pool.history().slot(slot)); };
  std::vector<std::string> lines;
  for (const WorkerView& worker : pool.workers()) {
    lines.push_back(worker_line(worker, lookup(worker.id), crashes(worker.slot), now));
  }
  for (const SlotView& slot : pool.idle_slots()) lines.push_back(slot_line(slot, crashes(slot.slot), now));
  return lines;
}

}  // namespace preforkd
