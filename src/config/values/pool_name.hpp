// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

namespace preforkd {

inline constexpr const char* pool_name_rule = "a pool's name is a letter and up to 62 letters, digits, '_' or '-'";

// [A-Za-z][A-Za-z0-9_-]{0,62}
[[nodiscard]] bool is_pool_name(std::string_view name) noexcept;

// A pool's name that is as near to `text` as possible: "my_server" for "my.server", "pool_7zip" for "7zip".
[[nodiscard]] std::string nearest_pool_name(std::string_view text);

}  // namespace preforkd
