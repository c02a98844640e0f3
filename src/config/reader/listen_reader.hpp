// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

inline constexpr std::size_t max_listen_entries = 64;

// The keys of an entry that is written as an object.
[[nodiscard]] std::span<const std::string_view> listen_keys() noexcept;

// Reads "listen": an array of addresses or objects, no address twice. Entries without a name get `pool_name`. Looks up
// user and group names.
void read_listen(ConfigReader& config, const std::string& pool_name, std::vector<ListenConfig>& out);

}  // namespace preforkd
