// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace preforkd::echo {

inline constexpr int exit_failure = 1;
inline constexpr int exit_usage = 64;  // EX_USAGE

// What the command line asks for.
struct Options {
  std::vector<std::string> listen;   // used only if the environment has no socket
  std::optional<std::string> print;  // --help, --version: print this and do nothing else
};

// An invalid command line; what() says why.
struct UsageError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Throws UsageError.
[[nodiscard]] Options parse_options(int argc, char* const* argv);

}  // namespace preforkd::echo
