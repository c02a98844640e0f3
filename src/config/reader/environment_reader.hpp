// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "config/reader/config_reader.hpp"

namespace preforkd {

inline constexpr std::size_t max_settings_bytes = 64 * 1024;

// What a worker finds in its environment. Each adds a problem for what is wrong.

// "environment": names to values. None of them may be one that preforkd sets.
void read_environment(ConfigReader& config, std::vector<std::pair<std::string, std::string>>& out);

// "environment_files": absolute paths, each after a '-' if it may be missing. They are read, to tell what is wrong
// early.
void read_environment_file_names(ConfigReader& config, std::vector<std::string>& out);

// "settings": an object, as JSON in one line.
void read_settings(ConfigReader& config, std::string& out);

}  // namespace preforkd
