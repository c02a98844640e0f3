// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config_rows.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// One key that differs between the config that is live and the one to come.
struct ConfigChange {
  std::string key;
  std::optional<std::string> before;  // none: the key is new
  std::optional<std::string> after;   // none: it is gone
  ChangeNeeds needs = ChangeNeeds::generation;
  bool shown = true;               // false: `before` and `after` are for nobody's eyes
  bool present = false;            // a thing that is there or not, such as an address
  std::optional<unsigned> target;  // of "workers": how many the pool then has
  std::string apply = {};          // of `unit`, as a service: the command that does it
};
// "settings.idle_timeout: 5min → 1min: new generation"
[[nodiscard]] std::string to_string(const ConfigChange& change);

// What a reload from one config to another does.
//
// A change of `workers` alone starts and drains workers at the upper end, and what only the master acts by is taken
// over: neither replaces anybody. Everything else a worker gets at its start, so every worker is replaced by one of a
// new generation. So it is, too, if nothing has changed at all: an operator who reloads then wants new workers, because
// a library, or a file that only the program knows, is another one.
struct ReloadPlan {
  std::vector<ConfigChange> changes;  // in the order of the config's keys, what is gone last
  bool new_generation = true;
};
// One line a change; one line that says so if there is none.
[[nodiscard]] std::vector<std::string> to_lines(const ReloadPlan& plan);

// What the plan depends on beside the configs.
struct PlannedPool {
  unsigned workers = 0;                      // that the pool has now (Pool::target())
  bool sockets_passed = false;               // by systemd, so its units have to follow "listen"
  std::vector<std::string> lost_paths = {};  // UNIX sockets that have to be bound again
  bool is_service = false;                   // what the units do not hold is bound all the same
};
// Pure.
[[nodiscard]] ReloadPlan reload_plan(const PoolConfig& live, const PoolConfig& next, const PlannedPool& pool);

// What a running pool can't change to, one sentence each; empty: nothing is in the way.
[[nodiscard]] std::vector<std::string> reload_obstacles(const PoolConfig& live, const PoolConfig& next,
                                                        bool any_socket_passed);

}  // namespace preforkd
