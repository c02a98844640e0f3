// SPDX-License-Identifier: MIT
#pragma once

#include <sys/epoll.h>

#include <cstdint>
#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Bounds the time that the messages of one worker take, so that no number of workers can hold up the rest of the
// master: what exceeds the needs of a sound program is read slowly, and after everything else.
class FloodLimit {
 public:
  // False: no message waits.
  using TakeOne = std::function<bool()>;

  // Of the sources whose callback is turn(). A pool that starts has a message of each worker.
  static constexpr std::uint32_t events = EPOLLIN | EPOLLET;

  // `source` has these events and Priority::worker_message.
  static void apply(EventSource& source) noexcept;
  // Takes some messages. `take_one` may end `source`.
  void turn(EventSource& source, const TakeOne& take_one);

  // Takes what a worker that has ended has sent. A child of it may continue to send, so there is a limit.
  static void take_last(const TakeOne& take_one);

 private:
  Instant interval_began_{};
  unsigned taken_ = 0;  // in this interval
  bool floods_ = false;
};

}  // namespace preforkd
