// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

// The absolute path of the program that a shell would run for `name`: looks up a name without '/' in $PATH, returns an
// absolute path unchanged, and refuses any other path (workers run in a directory of their own). The result is a file
// that this process may execute; if it is a script, its interpreter exists, too. Never checks the contents of a binary.
[[nodiscard]] Result<std::string> find_program(const std::string& name);

// The text after "#!" up to a blank; nullopt if this is not a script or cannot be read (execute permission is enough to
// run a binary).
[[nodiscard]] std::optional<std::string> interpreter(const std::string& path);

// Holds the file at the program's path (O_PATH), even if another file replaces it later. Null for a script: its
// interpreter needs a path to open, and many scripts look for their own files by it.
[[nodiscard]] std::shared_ptr<const UniqueFd> hold_program(const std::string& path);

}  // namespace preforkd
