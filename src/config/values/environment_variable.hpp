// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

using Environment = std::map<std::string, std::string, std::less<>>;

// The longest string that execve(2) accepts (MAX_ARG_STRLEN less its final NUL); applies to "NAME=value" and to each
// argument.
inline constexpr std::size_t max_exec_string_bytes = 128 * 1024 - 1;

// [A-Za-z_][A-Za-z0-9_]*
[[nodiscard]] bool is_environment_name(std::string_view name) noexcept;

// Why a config cannot set this variable for its workers: "is set by preforkd for each worker"; nullopt if it can.
[[nodiscard]] std::optional<std::string> why_unsettable(std::string_view name, std::string_view value);

}  // namespace preforkd
