// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {

using Environment = std::map<std::string, std::string, std::less<>>;

// Reads the config's environment_files in order; later files override earlier ones. A file whose name is preceded by
// '-' may be missing. The reason names the file and the line.
[[nodiscard]] Result<Environment> read_environment_files(const std::vector<std::string>& files);

}  // namespace preforkd
