// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "pools/bus/bus.hpp"
#include "pools/bus/pool_names.hpp"
#include "pools/bus/pool_snapshot.hpp"

#include "base/errors.hpp"

namespace preforkd {

// One pool on a bus: the process that owns its name when this is made. Every call throws ExitError as explain() makes
// it of a failure.
class PoolClient {
 public:
  // `bus` must outlive it. `interactive`: polkit may ask the user for a password. Throws as pool_owner() does.
  PoolClient(Bus& bus, std::string name, bool interactive);

  // All properties of the pool or of a slot, unchanged.
  [[nodiscard]] Json properties();
  [[nodiscard]] Json properties(std::uint32_t slot);

  [[nodiscard]] PoolSnapshot snapshot() { return pool_snapshot(properties()); }
  [[nodiscard]] std::vector<WorkerSnapshot> workers();
  [[nodiscard]] std::vector<ProcessSnapshot> processes();
  [[nodiscard]] std::vector<PastExit> exits(std::uint32_t max = 0);

  // Changes, and what a reload would change: these first ping the pool, then wait without a limit.
  [[nodiscard]] std::vector<PlannedChange> plan();
  // Passes on the pool's signals meanwhile.
  void reload(std::function<void(const Signal&)> on_signal);
  void scale(std::uint32_t workers);
  void scale_by_load();
  void recycle_all();
  void rebalance();
  void set_drained(bool drained);
  // Returns the version once it has taken over the pool's name.
  [[nodiscard]] std::string upgrade();
  void recycle(std::uint32_t slot);
  void kill(std::uint32_t slot, std::int32_t signal);

  // Passes on each signal of the pool's objects from now on, until the bus closes. Calls on_gone when the process gives
  // up the pool's name.
  void subscribe(std::function<void(const Signal&)> on_signal, const std::function<void()>& on_gone);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Bus& bus() noexcept { return bus_; }

  [[nodiscard]] MethodCall get_all_call() const;
  [[nodiscard]] MethodCall objects_call() const;
  [[nodiscard]] MethodCall processes_call() const;
  [[nodiscard]] ExitError explained(const BusFailure& failure, std::string_view object = {}) const;

 private:
  [[nodiscard]] MethodCall pool_call(const std::string& member, std::vector<Argument> arguments = {}) const;
  [[nodiscard]] MethodCall worker_call(std::uint32_t slot, const std::string& member,
                                       std::vector<Argument> arguments = {}) const;
  // Throws ExitError if the pool does not answer a ping.
  [[nodiscard]] MethodCall changing(MethodCall call);
  Json call(const MethodCall& call);

  Bus& bus_;
  std::string name_;
  PoolOwner owner_;
  bool interactive_;
};

}  // namespace preforkd
