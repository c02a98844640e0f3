// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <vector>

#include "ctl/bus/pool_state.hpp"
#include "ctl/output/table.hpp"

namespace preforkd::ctl {

// The table of "why". `now` in microseconds since 1970.
[[nodiscard]] Table exit_table(const std::vector<ExitRecord>& exits, std::uint64_t now);

}  // namespace preforkd::ctl
