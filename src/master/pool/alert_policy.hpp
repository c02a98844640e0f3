// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "master/base/instant.hpp"
#include "master/pool/pool_view.hpp"

namespace preforkd {

// When a pool in trouble raises an alert, and when the alert is over. A pool is in trouble while it is degraded, or has
// no ready worker, although it should have one, after it was started. It must be whole for `after` to end the trouble.
// Otherwise workers that fail half a minute after each start would never raise an alert, or raise one each minute. A
// pool that starts, reloads or stops is neither in trouble nor whole.
class AlertPolicy {
 public:
  enum class Step { nothing, raise, clear };

  // `after`: none for no alerts. `raised`: an alert is left from before this master.
  AlertPolicy(std::optional<Duration> after, bool raised) : after_(after), raised_(raised) {}

  void set_after(std::optional<Duration> after) { after_ = after; }
  // Call it when any of these has changed, and at next().
  [[nodiscard]] Step look(PoolState state, unsigned ready, unsigned target, Instant now);
  // When the passing of time makes a step due, given the last look.
  [[nodiscard]] std::optional<Instant> next() const;

 private:
  std::optional<Duration> after_;
  bool raised_;
  std::optional<Instant> trouble_since_;
  bool in_trouble_ = false;
  std::optional<Instant> whole_since_;
};

}  // namespace preforkd
