// SPDX-License-Identifier: MIT
#include "client/bench/request_schedule.hpp"

namespace preforkd::client {

nanoseconds RequestSchedule::next_due() const noexcept {
  const std::chrono::duration<double> after(static_cast<double>(begun_) / rate_);
  return began_ + std::chrono::duration_cast<nanoseconds>(after);
}

nanoseconds RequestSchedule::take(nanoseconds now) noexcept {
  const nanoseconds start = paced() ? next_due() : now;
  ++begun_;
  return start;
}

}  // namespace preforkd::client
