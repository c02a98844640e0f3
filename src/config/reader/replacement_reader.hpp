// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// When and how a worker is replaced: "restart" after it failed, "recycle" when it has served long enough, "reload" when
// all workers are. Each adds a problem for what is wrong.
void read_restart(ConfigReader& config, RestartConfig& out);
void read_recycle(ConfigReader& config, RecycleConfig& out);
void read_reload(ConfigReader& config, ReloadConfig& out);

[[nodiscard]] std::span<const std::string_view> restart_keys() noexcept;
[[nodiscard]] std::span<const std::string_view> recycle_keys() noexcept;
[[nodiscard]] std::span<const std::string_view> reload_keys() noexcept;

}  // namespace preforkd
