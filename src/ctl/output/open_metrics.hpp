// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "ctl/bus/pool_state.hpp"

namespace preforkd::ctl {

struct MeasuredPool {
  PoolState pool;
  std::vector<WorkerState> workers;
};

// The pools in the text format of OpenMetrics 1.0, from its first family to "# EOF". Families of a pool are named
// preforkd_…, those of a worker preforkd_worker_…; labels are "pool", "slot", "listener" and "address". A worker's
// counters begin anew with its process, as those of a service do that was restarted.
[[nodiscard]] std::string open_metrics(const std::vector<MeasuredPool>& pools);

}  // namespace preforkd::ctl
