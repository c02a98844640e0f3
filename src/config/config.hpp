// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "config/config_places.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// One key that the command line sets; it replaces what the file says about that key.
struct ConfigOverride {
  std::string key;       // with dots between levels: "reload.max_surge"
  nlohmann::json value;  // its strings may hold any bytes
  std::string option;    // as messages name it: "--workers", "--set reload.max_surge"
};

// Where a pool's config comes from. The master keeps it, since each reload reads it again.
struct ConfigSource {
  std::string file{};  // empty: all that there is comes from `overrides`
  std::string
      name{};  // --name; empty: the file's name without folder and ".json", else the program's base name made fit
  std::vector<ConfigOverride> overrides{};
  bool look_up = false;  // the file is that of the pool `name` in `folders`, looked for each time
  ConfigFolders folders = config_folders();
};

// Every problem that was found, not only the first, one line each without a line's end:
//   /etc/preforkd/echo.json: reload.max_surge: 0: must be at least 1
//   /etc/preforkd/echo.json: line 3, column 5: expected a ',' or a '}' here
//   --workers: 0: must be at least 1 (see --help)
struct ConfigFailure {
  std::vector<std::string> lines;
  int exit_code;  // exit_code::usage if the command line is to blame for all of it, else exit_code::config
};

// Reads and checks a config: its file, over it its drop-ins as JSON merge patches (RFC 7396), over them the overrides.
// What it says about the outside is checked too: programs, users, environment files. Changes nothing.
[[nodiscard]] tl::expected<PoolConfig, ConfigFailure> load_config(const ConfigSource& source);

// The same for who can't judge the outside, such as a generator in early boot: a program that is not there is taken as
// it is written, and users are their names only.
[[nodiscard]] tl::expected<PoolConfig, ConfigFailure> load_config_alone(const ConfigSource& source);

// For a pool that was given on the command line as a plain number of workers: nobody wrote down limits for SIGTTIN and
// SIGTTOU, so the person at the shell gets room. A config file's plain number is a limit that somebody wrote down.
[[nodiscard]] PoolConfig with_room_by_hand(PoolConfig config);

inline constexpr std::size_t max_config_file_bytes = 1024 * 1024;

}  // namespace preforkd
