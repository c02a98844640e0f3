// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "base/errors.hpp"
#include "base/escape.hpp"

namespace preforkd::client {

// A value of the command line that is not taken: "\"9505\": must be HOST:PORT".
[[noreturn]] inline void refuse_value(std::string_view value, const std::string& reason) {
  throw ExitError(exit_code::usage, in_quotes(value) + ": " + reason);
}

}  // namespace preforkd::client
