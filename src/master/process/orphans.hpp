// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <unordered_set>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"

namespace preforkd {

// The processes that workers leave behind, where they become children of this process: if it is pid 1 of a container,
// or a subreaper (prctl(2)). Elsewhere there are none. It reaps them, but never a worker, whose status is read through
// its pidfd.
class Orphans {
 public:
  // `adopts`: this process becomes a subreaper.
  Orphans(EventLoop& loop, bool adopts);
  Orphans(const Orphans&) = delete;
  Orphans& operator=(const Orphans&) = delete;

  // The first process of a worker, from its start until it is reaped.
  void add_worker(pid_t pid) { workers_.insert(pid); }
  void remove_worker(pid_t pid) noexcept { workers_.erase(pid); }

  // Whose children they become instead is not known.
  [[nodiscard]] bool gets_none() const noexcept { return !source_; }
  // Those that live, with their descendants. Goes through all children.
  [[nodiscard]] std::vector<pid_t> all() const;

  // Reaps all that are dead, a moment after they have ended, up to a dead worker, which hides those behind it. Workers
  // are mostly reaped before, since their events have a higher priority than SIGCHLD.
  void reap() noexcept;

 private:
  std::unordered_set<pid_t> workers_;
  UniqueFd children_;   // the kernel's list of them: this process has one thread
  EventSource timer_;   // empty if there is nothing to do
  EventSource source_;  // the same
  bool due_ = false;    // the timer is armed
};

}  // namespace preforkd
