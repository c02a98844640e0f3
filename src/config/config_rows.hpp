// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// What a change of a key needs to take effect.
enum class ChangeNeeds : std::uint8_t {
  nothing,     // the master itself acts by it from then on
  resize,      // workers come or go, none is replaced
  socket,      // a listening socket that stays gets other attributes
  generation,  // every worker is replaced by a new one
  unit,        // not ours to change: systemd's, from the pool's units
};

// One key of a config and its value as a person reads it.
struct ConfigRow {
  std::string key;    // "settings.idle_timeout", "listen 127.0.0.1:80", "file /usr/bin/my-server"
  std::string value;  // for people: cut where it is long, and two values may look the same
  ChangeNeeds needs = ChangeNeeds::generation;
  bool shown = true;             // false: the value is nobody's business (a secret, maybe)
  bool detail = false;           // of the listen entry before it
  bool present = false;          // what counts is that it is there
  std::string identity = value;  // what a value is compared by: differs whenever the value does
};

// All that a config says, defaults included, in the order of the config's keys, and which files stood where the program
// and the environment files are. No key comes twice. Pure.
[[nodiscard]] std::vector<ConfigRow> config_rows(const PoolConfig& config);

}  // namespace preforkd
