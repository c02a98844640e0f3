// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "master/pool_config.hpp"

namespace preforkd {

// One key that the command line sets; it replaces what the file says about that key.
struct ConfigOverride {
  std::string key;       // with dots between levels: "reload.max_surge"
  nlohmann::json value;  // its strings may hold any bytes
  std::string option;    // as messages name it: "--workers", "--set reload.max_surge"
};

// Where a pool's config comes from. The master keeps it, since each reload reads it anew.
struct ConfigSource {
  std::string file;  // empty: all that there is comes from `overrides`
  std::string name;  // --name; empty: the file's name without folder and ".json", else the program's base name made fit
  std::vector<ConfigOverride> overrides;
};

// Every problem that was found, not only the first, one line each without a line's end:
//   /etc/preforkd/echo.json: reload.max_surge: 0: must be at least 1
//   /etc/preforkd/echo.json: line 3, column 5: expected a ',' or a '}' here
//   --workers: "many": must be a number from 1 to 10000, …
struct ConfigFailure {
  std::vector<std::string> lines;
  int exit_code;  // exit_code::usage if the command line is to blame for all of it, else exit_code::config
};

// Reads and checks a config. What it says about the outside is checked too: programs, users, environment files. Changes nothing.
[[nodiscard]] tl::expected<PoolConfig, ConfigFailure> load_config(const ConfigSource& source);

// The keys of one object of the config, for whoever documents or completes them. path: "" at the top, "listen" for an entry's.
struct ConfigSection {
  std::string_view path;
  std::span<const std::string_view> keys;
};
[[nodiscard]] std::span<const ConfigSection> config_sections() noexcept;

inline constexpr std::size_t max_config_file_bytes = 1024 * 1024;

}  // namespace preforkd
