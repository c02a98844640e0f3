// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// Two entries of "listen" with one port, of which one takes the other's clients in: 0.0.0.0 and 127.0.0.1, or [::],
// which takes IPv4, too, and any address. The kernel binds only one of them, so what is wrong with `entry` is returned.
// But 0.0.0.0 and [::] are what everybody means by "all of both": then [::] takes IPv6 alone.
[[nodiscard]] std::string sort_out_overlap(std::vector<ListenConfig>& earlier, ListenConfig& entry);

}  // namespace preforkd
