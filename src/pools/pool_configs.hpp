// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "pools/bus/bus_target.hpp"

namespace preforkd {

// What the files of a machine say about a pool.
struct KnownConfig {
  std::string file;
  // Why systemd uses the last valid config, as preforkd-generator noted at the last daemon-reload; empty if it does
  // not.
  std::string problem;
};

// The pools that have a config.
class PoolConfigs {
 public:
  // Reads the config folders below `root`; "" is the machine's own.
  [[nodiscard]] static PoolConfigs below(const std::string& root);
  // The configs of the pools on a bus: below `root` if it is given, else known only for the system bus of this machine.
  [[nodiscard]] static PoolConfigs for_bus(const BusTarget& target, const std::optional<std::string>& root);

  [[nodiscard]] const std::map<std::string, KnownConfig>& all() const noexcept { return all_; }
  // Empty for a pool without one.
  [[nodiscard]] KnownConfig of(const std::string& pool) const;
  // Whether a pool that is not among them has no config. If false, a folder cannot be read, or is on another machine.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  // Where a pool without a config would have its own: "/etc/preforkd/echo.json".
  [[nodiscard]] std::string place_of(const std::string& pool) const;

 private:
  std::string root_;
  std::map<std::string, KnownConfig> all_;
  bool complete_ = false;
};

}  // namespace preforkd
