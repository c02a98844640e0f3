// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>
#include <tl/expected.hpp>

#include "base/errors.hpp"
#include "config/config_places.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// One key that the command line sets; it replaces the file's value.
struct ConfigOverride {
  std::string key;       // with dots between levels: "reload.max_surge"
  nlohmann::json value;  // its strings may hold any bytes
  std::string option;    // its name in messages: "--workers", "--set reload.max_surge"
};

// Where a pool's config comes from. The master keeps it, because each reload reads it again.
struct ConfigSource {
  std::string file{};  // empty: everything comes from `overrides`
  std::string
      name{};  // --name; empty: the file's name without folder and ".json", else the program's base name, adapted
  std::vector<ConfigOverride> overrides{};
  bool look_up = false;  // the file is that of the pool `name` in `folders`, searched for each time
  ConfigFolders folders = config_folders();
};

// Every problem found, not only the first, one line each without the newline:
//   /etc/preforkd/echo.json: reload.max_surge: 0: must be at least 1
//   /etc/preforkd/echo.json: line 3, column 5: expected a ',' or a '}' here
//   --workers: 0: must be at least 1 (see --help)
struct ConfigFailure {
  std::vector<std::string> lines;
  int exit_code;  // exit_code::usage if only the command line is to blame, else exit_code::config
};

// Reads and checks a config: its file, then its drop-ins as JSON merge patches (RFC 7396), then the overrides. Also
// checks what it refers to: programs, users, environment files. Changes nothing.
[[nodiscard]] tl::expected<PoolConfig, ConfigFailure> load_config(const ConfigSource& source);

// The same for a caller that cannot check what the config refers to, such as a generator in early boot: a missing
// program is accepted as written, and users are only names.
[[nodiscard]] tl::expected<PoolConfig, ConfigFailure> load_config_alone(const ConfigSource& source);

// For a pool that was given on the command line as a plain number of workers: its user has set no limits for SIGTTIN
// and SIGTTOU, so it gets room to grow. A plain number in a config file is a limit.
[[nodiscard]] PoolConfig with_room_by_hand(PoolConfig config);

// The config that `config` was, from what a next master can be given of it: restored without a look at any file.
// `program_file` is not part of it.
struct SavedConfig {
  std::string name{};
  std::string file{};
  std::string document{};
  std::vector<FileStamp> files{};
};
[[nodiscard]] SavedConfig save_config(const PoolConfig& config);
[[nodiscard]] Result<PoolConfig> restore_config(const SavedConfig& saved);

inline constexpr std::size_t max_config_file_bytes = 1024 * 1024;

}  // namespace preforkd
