// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <span>
#include <string_view>

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// "scale" of "workers". Adds a problem for what is wrong.
void read_scale(ConfigReader& workers, std::optional<ScaleConfig>& out);

[[nodiscard]] std::span<const std::string_view> scale_keys() noexcept;

}  // namespace preforkd
