// SPDX-License-Identifier: MIT
#pragma once

#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ctl/bus/bus.hpp"
#include "ctl/bus/pool_client.hpp"
#include "ctl/bus/pool_snapshot.hpp"
#include "ctl/pools/pool_configs.hpp"
#include "ctl/pools/pool_units.hpp"

#include "base/errors.hpp"

namespace preforkd::ctl {

// What is known of a pool.
struct KnownPool {
  std::string name;
  std::optional<PoolSnapshot> answer;  // of one that is on the bus
  Standing standing;                   // of one that is not, or does not answer
  PoolConfig config;                   // empty where there is none

  // As the pool says, else as its units do.
  [[nodiscard]] const std::string& state() const { return answer ? answer->state : standing.state; }
};

// All pools: those on the bus, those with a config, and those with a unit that systemd has started.
class KnownPools {
 public:
  // Lists all three. Both must outlive it. Throws ExitError if the bus can't be asked.
  KnownPools(Bus& bus, const PoolConfigs& configs);

  // Sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  // Asks all pools on the bus at the same time and waits a few seconds at most, so that a stopped one does not hold up
  // the others. Throws ExitError if the bus is lost.
  [[nodiscard]] std::vector<KnownPool> survey();
  // A client of a pool by its name; none if it is not on the bus, and `pool` says then how it stands. Waits for one
  // that systemd has just started, whose name comes to the bus a moment later: a second, for all of them together.
  // Throws ExitError as pool_owner() does.
  [[nodiscard]] std::optional<PoolClient> connect(KnownPool& pool);
  // For one that is not on the bus: throws ExitError (4) if there is no such pool.
  void check_exists(const std::string& name) const;
  // Why one that is not on the bus cannot be asked for anything: 3, or 4.
  [[nodiscard]] ExitError why_absent(const std::string& name);

 private:
  [[nodiscard]] bool comes(const KnownPool& pool);
  [[nodiscard]] PoolUnits units_of(const std::string& name) const;
  [[nodiscard]] KnownPool without_answer(const std::string& name);

  Bus& bus_;
  const PoolConfigs& configs_;
  std::vector<std::string> on_bus_;
  std::optional<std::map<std::string, PoolUnits>> units_;
  int tries_ = 10;  // that comes() has left
};

}  // namespace preforkd::ctl
