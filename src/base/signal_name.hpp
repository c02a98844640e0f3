// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// "SIGTERM", "TERM", "15", "SIGRTMIN+3", ignoring letter case: the signal's number. The reason names the nearest known
// signal.
[[nodiscard]] Result<int> parse_signal(std::string_view text);

// "SIGTERM", "SIGRTMIN+3"; "15" for a signal without a name. parse_signal can read it.
[[nodiscard]] std::string signal_name(int signal);
// "signal 15 (SIGTERM)", "signal 32".
[[nodiscard]] std::string signal_text(int signal);

}  // namespace preforkd
