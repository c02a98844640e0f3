// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd::ctl {

// "SIGTERM", "term", "15", "RTMIN+3": the signal's number, 1 to 64. The reason of a failure names the nearest signal.
[[nodiscard]] Result<std::int32_t> parse_signal(std::string_view text);

// "SIGTERM", "SIGRTMIN+3", "signal 99".
[[nodiscard]] std::string signal_text(std::int32_t signal);

}  // namespace preforkd::ctl
