// SPDX-License-Identifier: MIT
#pragma once

#include <sys/epoll.h>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/unique_fd.hpp"

namespace prefork::internal {

// Something that epoll reports to. Events are level-triggered.
class EventSource {
 public:
  virtual void on_events(std::uint32_t events) = 0;

 protected:
  ~EventSource() = default;
};

// epoll, and the one clock reading of each turn. The kernel's event carries the source's address, so an event costs no
// look-up; a source that is removed while events of the same turn still wait for it is taken out of those too, so it
// may be destroyed at once. (Rejected: a generation number beside the address. It needs a table, and the table a
// look-up per event.)
class EventLoop {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Throws std::system_error if the kernel has no epoll descriptor for us.
  EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `fd` is borrowed and stays open until remove(). Returns 0, or epoll_ctl's errno.
  [[nodiscard]] int add(int fd, std::uint32_t events, EventSource& source) noexcept;
  [[nodiscard]] int modify(int fd, std::uint32_t events, EventSource& source) noexcept;
  // Also when `fd` was never added or is closed already.
  void remove(int fd, EventSource& source) noexcept;

  // Waits up to `timeout_ms` (-1: for ever), reads the clock and calls on_events() of each ready source. An exception
  // of one leaves here; the events behind it are reported again by the next turn.
  void turn(int timeout_ms);

  // Sources that were ready in this turn.
  [[nodiscard]] std::size_t ready() const noexcept { return count_; }

  // Of the turn that runs, or ran last; from 1.
  [[nodiscard]] std::uint64_t turn_number() const noexcept { return turn_number_; }

  // The time at which this turn woke up.
  [[nodiscard]] TimePoint now() const noexcept { return now_; }
  void read_clock() noexcept { now_ = std::chrono::steady_clock::now(); }

 private:
  static constexpr std::size_t batch = 64;

  preforkd::UniqueFd epoll_;
  TimePoint now_;
  std::uint64_t turn_number_ = 0;
  std::array<epoll_event, batch> events_;
  std::size_t next_ = 0;  // events_[next_…count_) wait for their source
  std::size_t count_ = 0;
};

}  // namespace prefork::internal
