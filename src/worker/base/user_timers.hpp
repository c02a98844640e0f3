// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"

namespace prefork::internal {

// The application's timers (Server::after, Server::every). An id is never reused; an unknown id is ignored.
class UserTimers {
 public:
  UserTimers(const EventLoop& loop, TimerWheel& wheel);
  ~UserTimers();
  UserTimers(const UserTimers&) = delete;
  UserTimers& operator=(const UserTimers&) = delete;

  // interval 0: once.
  std::uint64_t add(std::chrono::milliseconds delay, std::chrono::milliseconds interval,
                    std::function<void()> callback);
  // Also from within the timer's own callback.
  void cancel(std::uint64_t id) noexcept;

 private:
  struct Timer;
  void retire(Timer& timer) noexcept;

  const EventLoop& loop_;
  TimerWheel& wheel_;
  std::uint64_t last_serial_ = 0;
  std::vector<std::unique_ptr<Timer>> timers_;  // an id consists of a place here and a unique serial number
  std::vector<std::size_t> free_places_;
};

}  // namespace prefork::internal
