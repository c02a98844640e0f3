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

// Turns a config's JSON object into a PoolConfig named `name`; leaves `file` empty. Adds a problem for each error; the
// result is usable only if there is none.
[[nodiscard]] PoolConfig read_pool(const nlohmann::json& config, const std::string& name,
                                   std::vector<ConfigProblem>& problems);

// The keys of one object of the config, for documentation and completion. path: "" at the top, "listen" for an entry of
// it.
struct ConfigSection {
  std::string_view path;
  std::span<const std::string_view> keys;
};
[[nodiscard]] std::span<const ConfigSection> config_sections() noexcept;

}  // namespace preforkd
