// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "base/errors.hpp"

namespace preforkd {

// The absolute path of the program that a shell would run for `name`: a name without '/' is looked up in $PATH, an
// absolute path is taken as it is, any other path is refused (workers run in a directory of their own). What is found
// is a file that this process may execute; a script's interpreter is there too. Never looks into what a binary
// contains.
[[nodiscard]] Result<std::string> find_program(const std::string& name);

}  // namespace preforkd
