// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config_rows.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// One key that differs between the live config and the next one.
struct ConfigChange {
  std::string key;
  std::optional<std::string> before;  // nullopt: the key is new
  std::optional<std::string> after;   // nullopt: the key was removed
  ChangeNeeds needs = ChangeNeeds::generation;
  bool shown = true;               // false: `before` and `after` must not be shown
  bool present = false;            // a thing that exists or does not, such as an address
  std::optional<unsigned> target;  // for "workers": the pool's target after the reload
  std::string apply = {};          // for `unit`, as a service: the command that applies it
};
// "settings.idle_timeout: 5min → 1min: new generation"
[[nodiscard]] std::string to_string(const ConfigChange& change);

// What a reload from one config to another does.
//
// A change of `workers` alone starts and drains workers at the upper end; keys that only the master uses are taken
// over: neither replaces a worker. Workers get everything else at their start, so every worker is replaced by one of a
// new generation. The same holds if nothing has changed: an operator who reloads then wants new workers, because a
// library has changed, or a file that only the program knows.
struct ReloadPlan {
  std::vector<ConfigChange> changes;  // in the order of the config's keys, removed ones last
  bool new_generation = true;
};
// One line per change; one line that says so if there is none.
[[nodiscard]] std::vector<std::string> to_lines(const ReloadPlan& plan);

// What the plan depends on, apart from the configs.
struct PlannedPool {
  unsigned workers = 0;                      // the pool's present target (Pool::target())
  bool systemd_decides = false;              // which sockets there are, so its units must follow "listen"
  std::vector<std::string> lost_paths = {};  // UNIX sockets that must be bound again
  bool has_socket_unit = false;              // addresses that the units do not hold are bound all the same
};
// Pure.
[[nodiscard]] ReloadPlan reload_plan(const PoolConfig& live, const PoolConfig& next, const PlannedPool& pool);

// The changes that a running pool cannot make, one sentence each; empty if there are none.
[[nodiscard]] std::vector<std::string> reload_obstacles(const PoolConfig& live, const PoolConfig& next,
                                                        bool any_socket_passed);

}  // namespace preforkd
