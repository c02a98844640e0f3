// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Reaps the processes that workers leave behind, if they become children of this process: if it is pid 1 of a
// container, or a subreaper. Elsewhere it does nothing. It never reaps a worker, whose status is read through its
// pidfd.
class Orphans {
 public:
  // `is_worker` must return true for each worker until it is reaped.
  Orphans(EventLoop& loop, std::function<bool(pid_t)> is_worker);

  // Reaps all that are dead, up to a dead worker, which hides those behind it: call it again when that one was reaped.
  void reap() noexcept;

 private:
  std::function<bool(pid_t)> is_worker_;
  EventSource source_;  // empty if there is nothing to do
};

}  // namespace preforkd
