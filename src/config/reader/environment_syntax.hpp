// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {

// Reads the text of an environment file in the syntax of EnvironmentFile= (systemd.exec(5)): NAME=VALUE lines, comments
// after # or ; at a line's start, quotes, backslashes that escape or continue a line; ignores lines without '='. What
// systemd drops with a warning is an error here: an invalid name, a NUL byte, a quote that is not closed. The reason
// begins "line 3: ".
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> parse_environment_file(std::string_view text);

}  // namespace preforkd
