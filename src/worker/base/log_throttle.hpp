// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

namespace prefork::internal {

// Lets one line through per interval and counts the others, so that clients cannot fill the log.
class LogThrottle {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  explicit LogThrottle(std::chrono::seconds interval) noexcept : interval_(interval) {}

  // nullopt: do not log. Else log the line, and say that this number of lines were left out before it.
  [[nodiscard]] std::optional<std::uint64_t> pass(TimePoint now) noexcept {
    if (last_ && now - *last_ < interval_) {
      ++left_out_;
      return std::nullopt;
    }
    last_ = now;
    const std::uint64_t left_out = left_out_;
    left_out_ = 0;
    return left_out;
  }

 private:
  std::chrono::seconds interval_;
  std::optional<TimePoint> last_;
  std::uint64_t left_out_ = 0;
};

}  // namespace prefork::internal
