// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ctl/output/style.hpp"
#include "ctl/output/worker_table.hpp"
#include "pools/known_pools.hpp"

namespace preforkd::ctl {

// The lines of "status" about a pool; `workers` are those of a pool that has answered. `now` in microseconds since
// 1970.
[[nodiscard]] std::string status_text(const KnownPool& known, const std::vector<WorkerRow>& workers, std::uint64_t now,
                                      const Style& style);

}  // namespace preforkd::ctl
