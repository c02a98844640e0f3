// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"

namespace prefork::internal {

// The application's own descriptors in the loop (Server::watch). An id is never reused; an unknown id is ignored.
// A watch whose callback throws is removed: what it has not read would call it again at once.
class Watches {
 public:
  Watches(EventLoop& loop, const ErrorPolicy& errors);
  ~Watches();
  Watches(const Watches&) = delete;
  Watches& operator=(const Watches&) = delete;

  // Throws std::system_error if epoll rejects `fd` (a regular file, a closed descriptor, or one that is watched
  // already).
  std::uint64_t add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback);
  // Also from within the watch's own callback.
  void remove(std::uint64_t id) noexcept;

 private:
  struct Watch;

  EventLoop& loop_;
  const ErrorPolicy& errors_;
  std::uint64_t last_id_ = 0;
  std::vector<std::unique_ptr<Watch>> watches_;
  Watch* running_ = nullptr;
  std::unique_ptr<Watch> retired_;  // removed by its own callback, which still runs
};

}  // namespace prefork::internal
