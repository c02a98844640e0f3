// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>

namespace prefork::internal {

// When to tell a master that has asked for it that this worker is busy.
class BusyReport {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // 0: never.
  void ask(unsigned permille) noexcept { permille_ = permille; }
  [[nodiscard]] bool is_asked() const noexcept { return permille_ > 0; }

  // Call it in each turn, with the time that the worker has been busy until now. True: say it now.
  [[nodiscard]] bool is_due(TimePoint now, std::chrono::nanoseconds busy) noexcept {
    const std::chrono::nanoseconds passed = now - began_;
    if (passed < window) return false;
    const bool busy_enough = (busy - busy_before_) * 1000 >= passed * permille_;
    began_ = now;
    busy_before_ = busy;
    return busy_enough;
  }

 private:
  static constexpr std::chrono::seconds window{1};

  unsigned permille_ = 0;
  TimePoint began_{};
  std::chrono::nanoseconds busy_before_{0};
};

}  // namespace prefork::internal
