// SPDX-License-Identifier: MIT
#include "ctl/output/worker_rows.hpp"

#include <algorithm>

namespace preforkd::ctl {
namespace {

// ListWorkers() does not tell whether a process counts; those of one pool mostly run one program.
WorkerRow undetailed(const ProcessState& process, bool others_count) {
  WorkerRow row;
  row.detailed = false;
  row.worker.slot = process.slot;
  row.worker.pid = process.pid;
  row.worker.state = process.state;
  row.worker.generation = process.generation;
  row.worker.counters.counts = others_count || process.connections > 0;
  row.worker.counters.connections = process.connections;
  return row;
}

}  // namespace

std::vector<WorkerRow> worker_rows(const std::vector<WorkerState>& workers,
                                   const std::vector<ProcessState>& processes) {
  const bool any_counts =
      std::any_of(workers.begin(), workers.end(), [](const WorkerState& worker) { return worker.counters.counts; });
  std::vector<WorkerRow> rows;
  for (const WorkerState& worker : workers) {
    if (worker.pid == 0) rows.push_back({worker, true, std::nullopt});
  }
  for (const ProcessState& process : processes) {
    const auto same = [&](const WorkerState& worker) { return worker.pid == process.pid; };
    const auto found = std::find_if(workers.begin(), workers.end(), same);
    rows.push_back(found != workers.end() ? WorkerRow{*found, true, std::nullopt} : undetailed(process, any_counts));
  }
  // Within a slot the one that serves comes first: it is the one with details.
  std::stable_sort(rows.begin(), rows.end(), [](const WorkerRow& left, const WorkerRow& right) {
    if (left.worker.slot != right.worker.slot) return left.worker.slot < right.worker.slot;
    return left.detailed && !right.detailed;
  });
  return rows;
}

void add_rates(std::vector<WorkerRow>& rows, const std::vector<WorkerState>& before,
               std::chrono::duration<double> span) {
  if (span.count() <= 0) return;
  for (WorkerRow& row : rows) {
    if (!row.detailed || row.worker.pid == 0 || !row.worker.counters.counts) continue;
    const auto found = std::find_if(before.begin(), before.end(),
                                    [&](const WorkerState& other) { return other.pid == row.worker.pid; });
    const std::uint64_t then = found != before.end() ? found->counters.requests_total : 0;
    const std::uint64_t now = row.worker.counters.requests_total;
    row.requests_per_second = static_cast<double>(now > then ? now - then : 0) / span.count();
  }
}

std::optional<double> total_rate(const std::vector<WorkerRow>& rows) {
  std::optional<double> total;
  for (const WorkerRow& row : rows) {
    if (row.requests_per_second) total = total.value_or(0) + *row.requests_per_second;
  }
  return total;
}

}  // namespace preforkd::ctl
