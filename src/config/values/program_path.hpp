// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The absolute path of the program that a shell would run for `name`: a name without '/' is looked up in $PATH, an
// absolute path is taken as it is, any other path is refused (workers run in a directory of their own). What is found
// is a file that this process may execute; a script's interpreter is there too. Never looks into what a binary
// contains.
[[nodiscard]] Result<std::string> find_program(const std::string& name);

// What stands after "#!" up to a blank, or nothing if this is not a script or can't be read (execute permission alone
// is enough to run).
[[nodiscard]] std::optional<std::string> interpreter(const std::string& path);

// Holds what stands at the program's path now (O_PATH), whatever comes there later. Null for a script: its interpreter
// is given a path to open, and many a script looks for its own files by it.
[[nodiscard]] std::shared_ptr<const UniqueFd> hold_program(const std::string& path);

}  // namespace preforkd
