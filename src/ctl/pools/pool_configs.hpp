// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "ctl/bus/bus_target.hpp"

namespace preforkd::ctl {

// What the files of a machine say about a pool.
struct PoolConfig {
  std::string file;
  // Why systemd goes by the last valid config, as preforkd-generator noted at the last daemon-reload; empty if it does
  // not.
  std::string problem;
};

// Which pools have a config.
class PoolConfigs {
 public:
  // Looks at the config folders below `root`; "" is the machine's own.
  [[nodiscard]] static PoolConfigs below(const std::string& root);
  // Those that belong to the pools on a bus: below `root` if that is given, else only the system bus of this machine
  // has some that are known.
  [[nodiscard]] static PoolConfigs for_bus(const BusTarget& target, const std::optional<std::string>& root);

  [[nodiscard]] const std::map<std::string, PoolConfig>& all() const noexcept { return all_; }
  // Empty for a pool without one.
  [[nodiscard]] PoolConfig of(const std::string& pool) const;
  // Whether a pool that is not among them has no config. Else a folder can't be read, or is on another machine.
  [[nodiscard]] bool complete() const noexcept { return complete_; }
  // Where a pool without a config would have its own: "/etc/preforkd/echo.json".
  [[nodiscard]] std::string place_of(const std::string& pool) const;

 private:
  std::string root_;
  std::map<std::string, PoolConfig> all_;
  bool complete_ = false;
};

}  // namespace preforkd::ctl
