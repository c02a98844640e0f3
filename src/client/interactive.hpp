// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/time_span.hpp"

namespace preforkd::client {

struct InteractiveOptions {
  std::string address;
  Duration connect_timeout{};
};

// Copies `input` to the server and what it answers to `output`, both at once, so that input of any size passes through
// pipes. At the end of the input a last line without its newline gets one, the sending side is closed, and the rest of
// the replies is copied. Returns the exit
// status: 0, or 1 after one line on stderr: no connection, a reset, or closed by the server while lines were unanswered
// (a reply is one line for each line sent).
[[nodiscard]] int run_interactive(const InteractiveOptions& options, int input, int output);

}  // namespace preforkd::client
