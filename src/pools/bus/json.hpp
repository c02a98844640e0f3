// SPDX-License-Identifier: MIT
#pragma once

#include <nlohmann/json.hpp>

namespace preforkd {

// Values from the bus and for --json; keys keep their order.
using Json = nlohmann::ordered_json;

}  // namespace preforkd
