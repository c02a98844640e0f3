// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "ctl/output/table.hpp"
#include "ctl/output/worker_rows.hpp"

namespace preforkd::ctl {

// The table of "workers" and of "watch"; with a column of rates if a row has one. `now` in microseconds since 1970.
[[nodiscard]] Table worker_table(const std::vector<WorkerRow>& rows, std::uint64_t now);

}  // namespace preforkd::ctl
