// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// [A-Za-z][A-Za-z0-9_-]{0,62}
[[nodiscard]] bool is_pool_name(std::string_view name) noexcept;

// Turns a config's JSON object into a PoolConfig named `name`; `file` is left empty. Each thing that is wrong adds a
// problem; the result is of use only if there is none.
[[nodiscard]] PoolConfig read_pool(const nlohmann::json& config, const std::string& name,
                                   std::vector<ConfigProblem>& problems);

// The keys of one object of the config, for whoever documents or completes them. path: "" at the top, "listen" for an
// entry's.
struct ConfigSection {
  std::string_view path;
  std::span<const std::string_view> keys;
};
[[nodiscard]] std::span<const ConfigSection> config_sections() noexcept;

}  // namespace preforkd
