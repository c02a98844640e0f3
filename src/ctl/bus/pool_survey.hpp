// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ctl/bus/bus.hpp"
#include "ctl/bus/pool_state.hpp"

namespace preforkd::ctl {

struct SurveyedPool {
  std::string name;
  std::optional<PoolState> state;  // none if it did not answer
};

// Asks all of `names` at the same time and waits a few seconds at most, so that one that is stopped holds up nobody.
// Those that went away meanwhile are left out.
[[nodiscard]] std::vector<SurveyedPool> survey(Bus& bus, const std::vector<std::string>& names);

}  // namespace preforkd::ctl
