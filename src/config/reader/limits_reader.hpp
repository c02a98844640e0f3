// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "config/reader/config_reader.hpp"
#include "config/values/resource_limits.hpp"

namespace preforkd {

// Reads "limits": {"nofile": 4096, "core": "infinity", "as": {"soft": "1G", "hard": "2G"}}. A single value sets both.
void read_limits(ConfigReader& config, std::vector<ResourceLimit>& out);

[[nodiscard]] std::span<const std::string_view> limits_keys() noexcept;

}  // namespace preforkd
