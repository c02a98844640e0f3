// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "ctl/rollout/rollout.hpp"

namespace preforkd::ctl {

// Why a rollout must not begin on a host: its pool does not serve as it should, or is drained. Empty: it may. A host
// that the rollout before has left drained is out of rotation, so its pool may be in any state.
[[nodiscard]] std::string why_not(const PoolSnapshot& pool, const std::string& host, bool left_drained);

// The part of a rollout on one host.
class HostRollout {
 public:
  // `stopped`: the user or another host's failure ends the rollout.
  struct World {
    std::function<std::chrono::steady_clock::time_point()> now;
    std::function<void()> wait;
    std::function<bool()> stopped;
    std::function<void(const std::string& what)> say;
    std::function<void(const HostRecord& record)> keep;
  };

  // Borrows all. `left_drained`: by the rollout before.
  HostRollout(Host& host, const RolloutSettings& settings, bool left_drained, const World& world)
      : host_(host), settings_(settings), left_drained_(left_drained), world_(world) {}

  [[nodiscard]] HostResult run();

 private:
  using Time = std::chrono::steady_clock::time_point;

  void begin();
  void drain();
  // False: the rollout is to end, and nothing was changed.
  [[nodiscard]] bool wait_until_drained();
  void act();
  void check();
  void soak();
  void step(const char* name, const std::string& what);
  // Whether the act has come to its end; throws ExitError if that is a failure.
  [[nodiscard]] bool acted(const PoolSnapshot& now) const;
  [[nodiscard]] bool reloaded(const PoolSnapshot& now) const;
  [[nodiscard]] bool upgraded(const PoolSnapshot& now) const;
  [[nodiscard]] PoolSnapshot look();
  [[nodiscard]] std::optional<PoolSnapshot> look_again();
  [[nodiscard]] HostResult failure(const std::string& reason);
  [[nodiscard]] bool serves_as_before(const PoolSnapshot& now) const;

  Host& host_;
  const RolloutSettings& settings_;
  const bool left_drained_;
  const World& world_;
  PoolSnapshot before_;
  PoolSnapshot after_;
  std::string package_;  // before an upgrade,
  Installed installed_;  // and after it
  std::string lost_;     // why the result of a reload is not known
  std::string step_;
  bool touched_ = false;  // the drain was requested
};

}  // namespace preforkd::ctl
