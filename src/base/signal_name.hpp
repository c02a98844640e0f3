// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// "SIGTERM", "TERM", "15", "SIGRTMIN+3", letter case ignored: the signal's number. The reason names the nearest known
// signal.
[[nodiscard]] Result<int> parse_signal(std::string_view text);

}  // namespace preforkd
