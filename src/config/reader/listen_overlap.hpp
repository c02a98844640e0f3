// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// Two entries of "listen" with one port may overlap: 0.0.0.0 and 127.0.0.1, or [::], which takes IPv4, too, and any
// address. The kernel binds only one of them, so this returns what is wrong with `entry`. But 0.0.0.0 and [::] together
// commonly mean "all of both": then [::] takes only IPv6.
[[nodiscard]] std::string sort_out_overlap(std::vector<ListenConfig>& earlier, ListenConfig& entry);

}  // namespace preforkd
