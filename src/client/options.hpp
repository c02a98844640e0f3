// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "client/bench/bench.hpp"
#include "client/interactive.hpp"
#include "client/one_shot.hpp"

namespace preforkd::client {

struct BenchCommand {
  BenchOptions options;
  bool json = false;
};

// --help and --version: prints this and does nothing else.
struct PrintCommand {
  std::string text;
};

using Command = std::variant<OneShotOptions, InteractiveOptions, BenchCommand, PrintCommand>;

// Throws ExitError (64).
[[nodiscard]] Command parse_options(int argc, char* const* argv);

}  // namespace preforkd::client
