// SPDX-License-Identifier: MIT
#pragma once

#include <sys/epoll.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.hpp"

namespace prefork::internal {

// A receiver of epoll events.
class EventSource {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~EventSource() = default;
};

// epoll, and one clock reading per turn. The kernel's event carries the source's address, so an event costs no look-up.
// Removing a source also removes its pending events of the same turn, so it may be destroyed at once. (Rejected: a
// generation number in addition to the address. It needs a table, and the table a look-up per event.)
class EventLoop {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Throws std::system_error if there is no descriptor for epoll.
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `fd` is borrowed and stays open until remove(). Returns 0, or epoll_ctl's errno.
  [[nodiscard]] int add(int fd, std::uint32_t events, EventSource& source) noexcept;
  [[nodiscard]] int modify(int fd, std::uint32_t events, EventSource& source) noexcept;
  // Also if `fd` was never added or is closed already.
  void remove(int fd, EventSource& source) noexcept;
  // Instead of remove(), if close(2) of the descriptor follows, which ends the registration.
  void forget(EventSource& source) noexcept;

  // Waits up to `timeout_ms` (-1: for ever), reads the clock and calls on_events() of each ready source. Passes on an
  // exception of a source; the events after it are reported again in the next turn.
  void turn(int timeout_ms);

  // From now on the time between turns is counted there (wire/busy_time.hpp), except where rests_from() says otherwise.
  // `word` is valid as long as turns are made.
  void count_busy_time(std::atomic<std::uint64_t>& word) noexcept;
  // The next turn waits, from `now` on.
  void rests_from(TimePoint now) noexcept;
  // Until this turn woke up.
  [[nodiscard]] std::chrono::nanoseconds busy_time() const noexcept { return busy_ + (now_ - busy_since_); }

  // This process is a forked child of the one that made the loop. It shares the kernel's part with its parent.
  [[nodiscard]] bool is_copy() const noexcept;

  // The number of sources that were ready in this turn.
  [[nodiscard]] std::size_t ready() const noexcept { return count_; }

  // The time at which this turn woke up.
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  void read_clock() noexcept { now_ = std::chrono::steady_clock::now(); }

 private:
  void be_busy() noexcept;

  static constexpr std::size_t batch = 64;

  preforkd::UniqueFd epoll_;
  unsigned fork_generation_;
  TimePoint now_;
  std::atomic<std::uint64_t>* busy_word_ = nullptr;
  std::chrono::nanoseconds busy_{0};  // before busy_since_
  TimePoint busy_since_;
  bool rests_ = false;
  std::array<epoll_event, batch> events_;
  std::size_t next_ = 0;  // events_[next_…count_) wait for their source
  std::size_t count_ = 0;
};

}  // namespace prefork::internal
