// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"

namespace prefork::internal {

// The application's timers (Server::after, Server::every). An id is never reused; an unknown id is ignored.
// A repeated timer that throws is called again.
class UserTimers {
 public:
  // Longer ones would approach the end of the clock.
  static constexpr std::chrono::milliseconds max_delay = std::chrono::hours(24 * 365);
  // An id has 24 bits for the timer's place.
  static constexpr std::size_t most_timers = std::size_t{1} << 24;

  UserTimers(const EventLoop& loop, TimerWheel& wheel, const ErrorPolicy& errors, std::size_t max_timers = most_timers);
  ~UserTimers();
  UserTimers(const UserTimers&) = delete;
  UserTimers& operator=(const UserTimers&) = delete;

  // interval 0: once. Both are cut at max_delay, and a negative delay counts as 0. Throws std::length_error if there
  // are max_timers already.
  std::uint64_t add(std::chrono::milliseconds delay, std::chrono::milliseconds interval,
                    std::function<void()> callback);
  // Also from within the timer's own callback.
  void cancel(std::uint64_t id) noexcept;

  // When a timer that was due at `due` is called again: after a whole number of intervals, and later than `now`.
  [[nodiscard]] static EventLoop::TimePoint next_call(EventLoop::TimePoint due, std::chrono::milliseconds interval,
                                                      EventLoop::TimePoint now) noexcept;

 private:
  struct Timer;
  void retire(Timer& timer) noexcept;

  const EventLoop& loop_;
  TimerWheel& wheel_;
  const ErrorPolicy& errors_;
  const std::size_t max_timers_;
  std::uint64_t last_serial_ = 0;
  std::vector<std::unique_ptr<Timer>> timers_;  // an id consists of a place here and a unique serial number
  std::vector<std::size_t> free_places_;
};

}  // namespace prefork::internal
