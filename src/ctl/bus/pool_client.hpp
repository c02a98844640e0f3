// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/bus/bus.hpp"
#include "ctl/bus/pool_names.hpp"
#include "ctl/bus/pool_snapshot.hpp"

#include "base/errors.hpp"

namespace preforkd::ctl {

// One pool on a bus: the process that owns its name when this is made. Every call throws ExitError with what
// explain() makes of a failure.
class PoolClient {
 public:
  // `bus` must outlive it. `interactive`: whoever authorises changes may ask the user. Throws as pool_owner() does.
  PoolClient(Bus& bus, std::string name, bool interactive);

  // All properties as they came, of the pool or of a slot.
  [[nodiscard]] Json properties();
  [[nodiscard]] Json properties(std::uint32_t slot);

  [[nodiscard]] PoolSnapshot state() { return pool_snapshot(properties()); }
  [[nodiscard]] std::vector<WorkerSnapshot> workers();
  [[nodiscard]] std::vector<ProcessState> processes();
  [[nodiscard]] std::vector<ExitRecord> exits(std::uint32_t max = 0);

  // Changes, and what a reload would change: they wait as long as that takes, once the pool has shown a sign of life.
  [[nodiscard]] std::vector<PlannedChange> plan();
  // The pool's signals are told meanwhile.
  void reload(std::function<void(const Signal&)> on_signal);
  void scale(std::uint32_t workers);
  void recycle_all();
  void recycle(std::uint32_t slot);
  void kill(std::uint32_t slot, std::int32_t signal);

  // Tells each signal of the pool's objects from now on, until the bus closes. `on_gone` is called when the process
  // gives the pool's name up.
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
  // Throws ExitError if the pool shows no sign of life.
  [[nodiscard]] MethodCall changing(MethodCall call);
  Json call(const MethodCall& call);

  Bus& bus_;
  std::string name_;
  PoolOwner owner_;
  bool interactive_;
};

}  // namespace preforkd::ctl
