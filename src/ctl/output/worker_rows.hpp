// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "ctl/bus/pool_state.hpp"

namespace preforkd::ctl {

// A worker process as it is shown, or a slot that has none.
struct WorkerRow {
  WorkerState worker;
  bool detailed = true;  // false: all that is known are slot, process, state, generation and connections
  std::optional<double> requests_per_second;
};

// By slot: `workers` are the slots' own view, with details; `processes`, asked for after them, are all that live. A
// worker that is gone by then is left out.
[[nodiscard]] std::vector<WorkerRow> worker_rows(const std::vector<WorkerState>& workers,
                                                 const std::vector<ProcessState>& processes);

// Fills in the rates since the time when `before` was asked for, `span` ago.
void add_rates(std::vector<WorkerRow>& rows, const std::vector<WorkerState>& before,
               std::chrono::duration<double> span);

// Of all rows; none if no row has one.
[[nodiscard]] std::optional<double> total_rate(const std::vector<WorkerRow>& rows);

}  // namespace preforkd::ctl
