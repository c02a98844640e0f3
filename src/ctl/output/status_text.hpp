// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/output/style.hpp"
#include "ctl/output/worker_table.hpp"
#include "ctl/pools/known_pools.hpp"

namespace preforkd::ctl {

// A pool as "status" shows it, in lines; `workers` of one that has answered. `now` in microseconds since 1970.
[[nodiscard]] std::string status_text(const KnownPool& known, const std::vector<WorkerRow>& workers, std::uint64_t now,
                                      const Style& style);

}  // namespace preforkd::ctl
