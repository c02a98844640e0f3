// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "client/base/clock.hpp"

namespace preforkd::client {

struct OneShotOptions {
  std::string address;
  std::string message;  // without newline
  nanoseconds connect_timeout{};
  nanoseconds reply_timeout{};
};

// Sends one line and copies the reply line to the descriptor `output` as it comes. Returns the exit status: 0, or 1
// after one line on stderr: "connect failed: ADDRESS: reason", or "no reply: ADDRESS: reason".
[[nodiscard]] int run_one_shot(const OneShotOptions& options, int output);

}  // namespace preforkd::client
