// SPDX-License-Identifier: MIT
#pragma once

#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Bounds the time that the messages of one worker take, so that no number of workers can hold up the rest of the
// master: what exceeds the needs of a sound program is read slowly, and after everything else.
class FloodLimit {
 public:
  // False: no message waits.
  using TakeOne = std::function<bool()>;

  // `source`, of Priority::worker_message, is the one whose callback is turn().
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
