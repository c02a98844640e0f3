// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "master/base/instant.hpp"
#include "master/pool/pool_view.hpp"

namespace preforkd {

// When a pool that does not serve as it should raises an alert, and when that is over. A pool is in trouble
// while it is degraded, or once it was started has no ready worker. A shorter time than `after` in which it is whole
// does not end the trouble: workers that fail half a minute after each start, say, would else never raise one, or raise
// one each minute. What starts, reloads or stops is neither in trouble nor whole.
class AlertPolicy {
 public:
  enum class Step { nothing, raise, clear };

  // `after`: none for no alerts. `raised`: an alert is left from before this master.
  AlertPolicy(std::optional<Duration> after, bool raised) : after_(after), raised_(raised) {}

  void set_after(std::optional<Duration> after) { after_ = after; }
  // To be called when any of these has changed, and at next().
  [[nodiscard]] Step look(PoolState state, unsigned ready, unsigned target, Instant now);
  // When time alone makes a step due, as things were at the last look.
  [[nodiscard]] std::optional<Instant> next() const;

 private:
  std::optional<Duration> after_;
  bool raised_;
  std::optional<Instant> trouble_since_;
  bool in_trouble_ = false;
  std::optional<Instant> whole_since_;
};

}  // namespace preforkd
