// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>

#include "base/group_folder.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/oom_kills.hpp"

namespace preforkd {

// The OOM killer in the groups of workers: an OomKills for each. The kernel reports at once that a count has grown, so
// a child that was killed long ago does not explain the death of its worker. That costs one descriptor for the pool;
// rejected: to poll memory.events, which costs one a worker. Without inotify (its limits are per user), a growth is
// noticed when the worker dies.
class OomWatch {
 public:
  explicit OomWatch(EventLoop& loop) : loop_(loop) {}
  OomWatch(const OomWatch&) = delete;
  OomWatch& operator=(const OomWatch&) = delete;

  // From now on. Does nothing if the kernel does not count for this group.
  void add(WorkerId id, const GroupFolder& group);
  void remove(WorkerId id) noexcept;

  // As in OomKills; nullopt if the kernel does not count for the worker's own group.
  [[nodiscard]] std::optional<bool> explain_death(WorkerId id, Instant now);

 private:
  struct Watched {
    explicit Watched(const GroupFolder& group) : kills(group) {}
    OomKills kills;
    int watch = -1;  // of inotify
  };
  // Opens it for the first worker. False: it can't be had.
  [[nodiscard]] bool has_inotify();
  void on_change();

  EventLoop& loop_;
  UniqueFd inotify_;
  EventSource source_;
  std::unordered_map<WorkerId, Watched> workers_;
};

}  // namespace preforkd
