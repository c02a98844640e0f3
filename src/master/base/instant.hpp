// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "base/time_span.hpp"

namespace preforkd {

// CLOCK_MONOTONIC: does not run while the machine is suspended, and is not affected by clock steps.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Where Pool reads the time; tests set it by hand.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
};

}  // namespace preforkd
