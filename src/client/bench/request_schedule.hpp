// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "client/base/clock.hpp"

namespace preforkd::client {

// When a benchmark's requests are due: as fast as replies arrive, or evenly spread at a rate, up to a maximum number.
// Pure: the caller passes the time.
class RequestSchedule {
 public:
  // `rate`: requests per second, 0: at once. `max`: 0: no limit.
  RequestSchedule(double rate, std::uint64_t max) : rate_(rate), max_(max) {}

  void begin(nanoseconds now) noexcept { began_ = now; }
  [[nodiscard]] nanoseconds began() const noexcept { return began_; }

  [[nodiscard]] bool paced() const noexcept { return rate_ > 0; }
  [[nodiscard]] bool spent() const noexcept { return max_ != 0 && begun_ >= max_; }
  // The next request may begin.
  [[nodiscard]] bool is_due(nanoseconds now) const noexcept { return !spent() && (!paced() || next_due() <= now); }
  // Begins it and returns when its time starts; for a late one, when it was due.
  [[nodiscard]] nanoseconds take(nanoseconds now) noexcept;
  // Only if paced(): when the next request is due.
  [[nodiscard]] nanoseconds next_due() const noexcept;

 private:
  double rate_;
  std::uint64_t max_;
  std::uint64_t begun_ = 0;
  nanoseconds began_{};
};

}  // namespace preforkd::client
