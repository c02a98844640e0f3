// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "config/reader/config_reader.hpp"

namespace preforkd {

inline constexpr std::size_t max_settings_bytes = 64 * 1024;

// A worker's environment. Each function adds a problem for what is wrong.

// "environment": names and values. None of the names may be one that preforkd sets.
void read_environment(ConfigReader& config, std::vector<std::pair<std::string, std::string>>& out);

// "environment_files": absolute paths, each preceded by '-' if it may be missing. Reads the files, to report errors
// early.
void read_environment_file_names(ConfigReader& config, std::vector<std::string>& out);

// "settings": an object, as JSON in one line.
void read_settings(ConfigReader& config, std::string& out);

}  // namespace preforkd
