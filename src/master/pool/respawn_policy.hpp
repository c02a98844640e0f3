// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"

namespace preforkd {

// A number in [0, 1) that depends on its arguments only: a pool's jitter can be reproduced from its seed.
[[nodiscard]] double jitter_fraction(std::uint64_t seed, std::uint64_t slot, std::uint64_t turn) noexcept;

// The wait of one slot before its next try.
//
// The first crash is replaced at once: most crashes are single ones, and a slot that waits serves no clients. From the
// second on the wait is restart.delay, doubled with each further crash up to restart.max_delay, and shortened by up to
// a quarter so that the slots of a pool do not all restart at the same instant. A worker that was ready for
// restart.forget_after before it crashed makes its slot's crash a first one again.
//
// A failure to make a process (EAGAIN, ENOMEM) is not a crash, but trying again at once would spin, so it always waits.
class RespawnPolicy {
 public:
  // A worker that exits with status 0 sooner than this after READY=1 counts as crashed for the wait.
  static constexpr Duration short_life = std::chrono::seconds(1);
  // Every wait is at least this long, whatever the config says: no slot spins.
  static constexpr Duration min_wait = std::chrono::milliseconds(10);

  // What a next master must know of it.
  struct State {
    unsigned crashes = 0;
    unsigned launch_failures = 0;
    Instant crashing_since{};
    bool operator==(const State&) const = default;
  };

  RespawnPolicy(std::uint64_t seed, unsigned slot) : seed_(seed), slot_(slot) {}

  // The slot's worker crashed after `ready_for` of ready time (0: it never was). Returns the wait; zero: try at once.
  [[nodiscard]] Duration crashed(const RestartConfig& config, Duration ready_for, Instant now);
  // No process could be made. Returns the wait.
  [[nodiscard]] Duration launch_failed(const RestartConfig& config);
  // The slot's worker is ready: forgets failed launches.
  void worked() noexcept { state_.launch_failures = 0; }
  void forget() noexcept { state_.crashes = state_.launch_failures = 0; }

  // The crashes that are not forgotten, and when the first of them was.
  [[nodiscard]] unsigned crashes() const noexcept { return state_.crashes; }
  [[nodiscard]] Instant crashing_since() const noexcept { return state_.crashing_since; }
  [[nodiscard]] const State& state() const noexcept { return state_; }
  void restore(const State& state) noexcept { state_ = state; }

 private:
  [[nodiscard]] Duration wait(const RestartConfig& config, unsigned failures) const;

  std::uint64_t seed_;
  unsigned slot_;
  State state_;
};

}  // namespace preforkd
