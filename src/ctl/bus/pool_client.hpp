// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "ctl/bus/bus.hpp"
#include "ctl/bus/pool_state.hpp"

namespace preforkd::ctl {

// One pool on a bus. Every call throws CommandError with what explain() makes of a failure.
class PoolClient {
 public:
  // `bus` must outlive it. `interactive`: whoever authorises changes may ask the user.
  PoolClient(Bus& bus, std::string name, bool interactive);

  // All properties as they came, of the pool or of a slot.
  [[nodiscard]] Json properties();
  [[nodiscard]] Json properties(std::uint32_t slot);

  [[nodiscard]] PoolState state() { return pool_state(properties()); }
  [[nodiscard]] std::vector<WorkerState> workers();
  [[nodiscard]] std::vector<ProcessState> processes();
  [[nodiscard]] std::vector<ExitRecord> exits(std::uint32_t most = 0);
  [[nodiscard]] std::vector<PlannedChange> plan();

  // Waits as long as it takes; the pool's signals are told meanwhile.
  void reload(std::function<void(const Signal&)> on_signal);
  void scale(std::uint32_t workers);
  void recycle_all();
  void recycle(std::uint32_t slot);
  void kill(std::uint32_t slot, std::int32_t signal);

  // Tells each signal of the pool's objects from now on, until the bus closes. `on_gone` is called when the process
  // that owns the pool's name now gives it up.
  void subscribe(std::function<void(const Signal&)> on_signal, const std::function<void()>& on_gone);

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] Bus& bus() noexcept { return bus_; }

  [[nodiscard]] MethodCall get_all_call() const;
  [[nodiscard]] MethodCall objects_call() const;
  [[nodiscard]] MethodCall processes_call() const;

 private:
  [[nodiscard]] MethodCall pool_call(const std::string& member, std::vector<Argument> arguments = {}) const;
  [[nodiscard]] MethodCall worker_call(std::uint32_t slot, const std::string& member,
                                       std::vector<Argument> arguments = {}) const;
  [[nodiscard]] MethodCall changing(MethodCall call) const;
  Json call(const MethodCall& call);
  [[nodiscard]] std::string owner();

  Bus& bus_;
  std::string name_;
  bool interactive_;
};

// The names of all pools on the bus, sorted. Throws CommandError.
[[nodiscard]] std::vector<std::string> pool_names(Bus& bus);

}  // namespace preforkd::ctl
