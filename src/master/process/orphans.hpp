// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Reaps the processes that workers leave behind, where they become this process's own children: if it is the first one
// of a container (pid 1), or a subreaper. Anywhere else it does nothing. A worker is never reaped here: its status is
// its pidfd's to give.
class Orphans {
 public:
  // `is_worker` must know each worker until it was reaped.
  Orphans(EventLoop& loop, std::function<bool(pid_t)> is_worker);

  // Reaps all that are dead, up to a dead worker, which hides those behind it: to be called again when that was reaped.
  void reap() noexcept;

 private:
  std::function<bool(pid_t)> is_worker_;
  EventSource source_;  // none: there is nothing to do
};

}  // namespace preforkd
