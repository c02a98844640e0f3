// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "ctl/output/table.hpp"
#include "pools/bus/pool_snapshot.hpp"

namespace preforkd::ctl {

// A worker process in tables, or a slot without one.
struct WorkerRow {
  WorkerSnapshot worker;
  bool detailed = true;  // false: only slot, process, state, generation and connections are known
  std::optional<double> requests_per_second{};
  std::optional<double> cpu_percent{};  // 100: one CPU
};

// By slot: `workers` has one process of each slot, with details; `processes`, queried afterwards, has all live ones.
// Leaves out a worker that has ended meanwhile.
[[nodiscard]] std::vector<WorkerRow> worker_rows(const std::vector<WorkerSnapshot>& workers,
                                                 const std::vector<ProcessSnapshot>& processes);

// Fills in the rates since `before` was queried, `span` ago.
void add_rates(std::vector<WorkerRow>& rows, const std::vector<WorkerSnapshot>& before,
               std::chrono::duration<double> span);

// Of all rows; none if no row has one.
[[nodiscard]] std::optional<double> total_rate(const std::vector<WorkerRow>& rows);

// The table of "workers" and of "watch"; with a column of rates if a row has one. `now` in microseconds since 1970.
[[nodiscard]] Table worker_table(const std::vector<WorkerRow>& rows, std::uint64_t now);

}  // namespace preforkd::ctl
