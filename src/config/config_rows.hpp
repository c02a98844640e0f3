// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// What a change of a key needs to take effect.
enum class ChangeNeeds : std::uint8_t {
  nothing,     // only the master uses it, from then on
  resize,      // workers start or drain, none is replaced
  socket,      // an existing listening socket gets other attributes
  generation,  // every worker is replaced by a new one
  unit,        // the master cannot do it: systemd must, from the pool's units
};

// One key of a config and its value as text.
struct ConfigRow {
  std::string key;    // "settings.idle_timeout", "listen 127.0.0.1:80", "file /usr/bin/my-server"
  std::string value;  // for people: long ones are cut, and two different values may look the same
  ChangeNeeds needs = ChangeNeeds::generation;
  bool shown = true;             // false: the value must not be shown (it may be a secret)
  bool detail = false;           // of the listen entry before it
  bool present = false;          // only its existence matters
  std::string identity = value;  // for comparison: differs whenever the value does
};

// The whole config, defaults included, in the order of the config's keys, and the files at the paths of the program and
// the environment files. No key occurs twice. Pure.
[[nodiscard]] std::vector<ConfigRow> config_rows(const PoolConfig& config);

}  // namespace preforkd
