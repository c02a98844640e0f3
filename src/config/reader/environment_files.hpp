// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/errors.hpp"
#include "config/values/environment_variable.hpp"

namespace preforkd {

// The path of an entry of the config's environment_files: without the '-' of a file that may be missing.
[[nodiscard]] std::string environment_file_path(const std::string& entry);

// Reads the config's environment_files in order; later files override earlier ones. The reason names the file and the
// line.
[[nodiscard]] Result<Environment> read_environment_files(const std::vector<std::string>& files);

}  // namespace preforkd
