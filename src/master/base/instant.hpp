// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

#include "base/time_span.hpp"

namespace preforkd {

// CLOCK_MONOTONIC: stands still while the machine is suspended and knows no clock step.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Where Pool gets the time from; tests turn the hands themselves.
class Clock {
 public:
  virtual ~Clock() = default;
  [[nodiscard]] virtual Instant now() const noexcept = 0;
};

}  // namespace preforkd
