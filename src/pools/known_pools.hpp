// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pools/bus/bus.hpp"
#include "pools/bus/further_looks.hpp"
#include "pools/bus/pool_client.hpp"
#include "pools/bus/pool_snapshot.hpp"
#include "pools/pool_configs.hpp"
#include "pools/unit_states.hpp"

#include "base/errors.hpp"

namespace preforkd {

// What is known of a pool.
struct KnownPool {
  std::string name;
  std::optional<PoolSnapshot> answer;   // if it is on the bus
  std::vector<WorkerSnapshot> workers;  // if it was asked for them, too
  Standing standing;                    // if it is not, or does not answer
  KnownConfig config;                   // empty if there is none

  // From the pool's answer, else from its units.
  [[nodiscard]] const std::string& state() const { return answer ? answer->state : standing.state; }
};

// All pools: those on the bus, those with a config, and those with a unit that systemd has started.
class KnownPools {
 public:
  // Lists all three. Both must outlive it. Throws ExitError if the bus cannot be asked.
  KnownPools(Bus& bus, const PoolConfigs& configs);

  // Sorted.
  [[nodiscard]] std::vector<std::string> names() const;

  enum class Detail { pools, workers };
  // Asks all pools on the bus at the same time, so that a stopped one does not hold up the others. Takes a few times
  // the timeout of the bus if the pools, the bus and systemd do not answer. Throws ExitError if the bus is lost.
  [[nodiscard]] std::vector<KnownPool> survey(Detail detail = Detail::pools);
  // A client of a pool by its name; nullopt if it is not on the bus, and `pool` then has its standing. Waits for pools
  // that systemd has just started, whose name appears on the bus a moment later: for a second, for all of them
  // together. `interactive` as in PoolClient. Throws ExitError as pool_owner() does.
  [[nodiscard]] std::optional<PoolClient> connect(KnownPool& pool, bool interactive = false);
  // The same by name. Throws ExitError, 3 or 4, if there is none.
  [[nodiscard]] PoolClient client(const std::string& name, bool interactive);
  // For one that is not on the bus: throws ExitError (4) if there is no such pool.
  void check_exists(const std::string& name) const;
  // What is known of one that is not on the bus.
  [[nodiscard]] KnownPool without_answer(const std::string& name);

 private:
  // Why a pool that is not on the bus cannot be queried: 3, or 4.
  [[nodiscard]] ExitError why_absent(const std::string& name);
  // Adds a client of the pool; false if there is none, also because it is too late.
  [[nodiscard]] bool find_client(KnownPool& pool, std::list<PoolClient>& clients,
                                 std::chrono::steady_clock::time_point until);
  [[nodiscard]] bool comes(const KnownPool& pool);
  [[nodiscard]] UnitStates units_of(const std::string& name) const;

  Bus& bus_;
  const PoolConfigs& configs_;
  std::vector<std::string> on_bus_;
  std::optional<std::map<std::string, UnitStates>> units_;
  FurtherLooks looks_{10};  // for comes()
};

}  // namespace preforkd
