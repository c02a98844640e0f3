// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <unordered_map>

#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// The application's own descriptors in the loop (Server::watch). An id is never reused; an unknown id is ignored.
// A watch whose callback throws is removed: what it has not read would call it again at once.
//
// A descriptor must stay open while it is watched. If the application closes it first, its number may belong to a
// client or to another watch by the time of remove(), whose registration must not be removed. So a watch remembers the
// file and the newest watch of a number (epoll only knows the number).
class Watches {
 public:
  Watches(EventLoop& loop, const ErrorPolicy& errors);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // Throws std::system_error if epoll rejects `fd` (a regular file, a closed descriptor, or one that is watched
  // already).
  std::uint64_t add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback);
  // Waits for other events. Throws std::system_error if epoll rejects them, or if the descriptor is another file by
  // now.
  void change(std::uint64_t id, std::uint32_t events);
  // Also from within the watch's own callback.
  void remove(std::uint64_t id) noexcept;

 private:
  struct Watch;
  [[nodiscard]] bool owns_descriptor(const Watch& watch) const noexcept;
  void unregister(Watch& watch) noexcept;

  EventLoop& loop_;
  const ErrorPolicy& errors_;
  std::uint64_t last_id_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<Watch>> watches_;
  std::unordered_map<int, Watch*> newest_;  // by descriptor
  Watch* running_ = nullptr;
  std::unique_ptr<Watch> retired_;  // removed by its own callback, which still runs
};

}  // namespace prefork::internal
