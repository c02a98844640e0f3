// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/time_span.hpp"

namespace preforkd::client {

struct InteractiveOptions {
  std::string address;
  Duration connect_timeout{};
};

// Copies `input` to the server and the replies to `output`, both at once, so that input of any size passes through
// pipes. At the end of the input, adds a missing newline to the last line, closes the sending side, and copies the rest
// of the replies. Returns the exit status: 0, or 1 after one line on stderr: no connection, a reset, or closed by the
// server while lines were unanswered (a reply is one line for each line sent).
[[nodiscard]] int run_interactive(const InteractiveOptions& options, int input, int output);

}  // namespace preforkd::client
