// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/bus/pool_state.hpp"
#include "ctl/output/style.hpp"
#include "ctl/output/worker_rows.hpp"

namespace preforkd::ctl {

// A pool as "status" shows it, in lines. `now` in microseconds since 1970.
[[nodiscard]] std::string status_text(const PoolState& pool, const std::vector<WorkerRow>& workers, std::uint64_t now,
                                      const Style& style);

}  // namespace preforkd::ctl
