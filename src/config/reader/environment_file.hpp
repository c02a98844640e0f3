// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {

// Reads an environment file as systemd.exec(5) describes it for EnvironmentFile=: NAME=VALUE lines, comments after # or
// ; at a line's start, quotes, backslashes that escape or continue a line; lines without '=' are ignored. What systemd
// drops with a warning is an error here: a name that no environment variable can have, a NUL byte, a quote that is
// never closed. The reason begins "line 3: ".
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_environment_file(std::string_view text);

// [A-Za-z_][A-Za-z0-9_]*
[[nodiscard]] bool is_environment_name(std::string_view name) noexcept;

}  // namespace preforkd
