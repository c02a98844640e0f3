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

// What is known of a pool that was looked up.
struct KnownPool {
  std::string name;
  std::optional<PoolSnapshot> answer;  // of one that is on the bus
  Standing standing;                   // of one that is not, or does not answer
  PoolConfig config;                   // empty where there is none

  // The pool's own word for it, else the standing's.
  [[nodiscard]] const std::string& state() const { return answer ? answer->state : standing.state; }
};

// The pools that there are: those on the bus, those with a config, and those with a unit that systemd has started.
class KnownPools {
 public:
  // Looks at all three. Both must outlive it. Throws ExitError if the bus can't be asked.
  KnownPools(Bus& bus, const PoolConfigs& configs);

  // Sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  // Asks all pools that are on the bus at the same time and waits a few seconds at most, so that one that is stopped
  // does not hold up the others. Throws ExitError if the bus is lost.
  [[nodiscard]] std::vector<KnownPool> survey();
  // One that is not on the bus; throws ExitError (4) if there is no such pool.
  [[nodiscard]] KnownPool absent(const std::string& name);
  // The same as the reason why it can't be asked for anything: 3, or 4.
  [[nodiscard]] ExitError why_absent(const std::string& name);

  // Whether one that systemd has just started, whose name is on the bus a moment later, comes there: waits a second,
  // for all of them together.
  [[nodiscard]] bool comes(const KnownPool& pool);

 private:
  // Adds its client. False for one that is not on the bus, or is not believed, which says how it is then.
  bool connect(KnownPool& pool, std::list<PoolClient>& clients);
  [[nodiscard]] PoolUnits units_of(const std::string& name) const;
  [[nodiscard]] KnownPool without_answer(const std::string& name);

  Bus& bus_;
  const PoolConfigs& configs_;
  std::vector<std::string> on_bus_;
  std::optional<std::map<std::string, PoolUnits>> units_;
  int tries_ = 10;  // that comes() has left
};

}  // namespace preforkd::ctl
