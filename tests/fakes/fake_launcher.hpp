// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "master/pool/worker_types.hpp"

namespace preforkd::fakes {

// Processes that exist in name only. They do nothing by themselves: the test reports their events to the pool.
class FakeLauncher final : public Launcher {
 public:
  struct Process {
    Launch launch;
    std::vector<int> signals;  // that it got, in order
  };

  [[nodiscard]] Result<void> start(const Launch& launch) noexcept override {
    if (!failures.empty()) {
      Error failure = std::move(failures.front());
      failures.pop_front();
      return Failure(std::move(failure));
    }
    if (on_start) on_start(launch);
    started.push_back(launch);
    alive.emplace(launch.id, Process{launch, {}});
    return {};
  }

  void signal(WorkerId id, int signal) noexcept override {
    if (on_signal) on_signal(id, signal);
    const auto process = alive.find(id);
    if (process != alive.end()) process->second.signals.push_back(signal);
  }

  [[nodiscard]] std::vector<WorkerId> unheard() noexcept override { return cut_off; }
  void introduce(WorkerId giver, WorkerId taker, std::uint32_t max) noexcept override {
    if (max > 0) return moved.push_back({giver, taker, max});
    introduced.emplace_back(giver, taker);
  }
  void meet(WorkerId one, WorkerId other) noexcept override { met.emplace_back(one, other); }
  void dismiss(WorkerId giver) noexcept override { dismissed.push_back(giver); }
  [[nodiscard]] std::uint64_t load(WorkerId id) const noexcept override {
    ++loads_read;
    const auto found = loads.find(id);
    return found == loads.end() ? 0 : found->second;
  }

  std::deque<Error> failures;  // of the next starts
  std::vector<Launch> started;
  std::map<WorkerId, Process> alive;  // the test removes those that end
  std::vector<WorkerId> cut_off;
  std::vector<std::pair<WorkerId, WorkerId>> introduced;             // giver, taker; the giver leaves
  std::vector<std::tuple<WorkerId, WorkerId, std::uint32_t>> moved;  // giver, taker, at most; both stay
  std::vector<WorkerId> dismissed;
  std::vector<std::pair<WorkerId, WorkerId>> met;
  std::map<WorkerId, std::uint64_t> loads;
  mutable std::size_t loads_read = 0;
  std::function<void(const Launch&)> on_start;
  std::function<void(WorkerId, int)> on_signal;
};

}  // namespace preforkd::fakes
