// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

namespace preforkd::ctl {

// What comes over the bus and what --json prints; keys stay in their order.
using Json = nlohmann::ordered_json;

}  // namespace preforkd::ctl
