// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/time_span.hpp"

namespace preforkd::client {

struct OneShotOptions {
  std::string address;
  std::string message;  // without newline
  Duration connect_timeout{};
  Duration reply_timeout{};
};

// Sends one line and copies the reply line to the descriptor `output` as it arrives. Returns the exit status: 0, or 1
// after one line on stderr: "connect failed: ADDRESS: reason", "no reply: ADDRESS: reason" or "standard output:
// reason".
[[nodiscard]] int run_one_shot(const OneShotOptions& options, int output);

}  // namespace preforkd::client
