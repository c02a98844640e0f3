// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// The accept queues of a pool. Reports that a client has connected, at most once in min_interval for each socket, and
// costs no wake-up while none does: it watches the listening sockets edge-triggered. Workers that wait with
// EPOLLEXCLUSIVE are woken as without it.
class LoadSensor {
 public:
  static constexpr Duration min_interval = std::chrono::milliseconds(100);

  LoadSensor(EventLoop& loop, std::function<void()> on_client) : loop_(loop), on_client_(std::move(on_client)) {}

  // Watches these sockets and no others from now on. A socket that cannot be watched is logged.
  void watch(const std::vector<ListenSockets::Open>& sockets);
  void stop() noexcept { watched_.clear(); }

  // Clients that wait to be accepted.
  struct Waiting {
    unsigned clients = 0;
    bool or_more = false;  // the kernel does not report how many wait at a socket: it counts as 1
  };
  [[nodiscard]] Waiting waiting() const noexcept;

 private:
  // With a descriptor of its own, as in ListenWatch.
  struct Watched {
    UniqueFd fd;
    EventSource source;
  };

  EventLoop& loop_;
  const std::function<void()> on_client_;
  std::vector<std::unique_ptr<Watched>> watched_;
};

}  // namespace preforkd
