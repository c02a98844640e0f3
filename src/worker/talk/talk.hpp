// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/server.hpp>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "wire/control_message.hpp"
#include "wire/stats_page.hpp"
#include "worker/base/error_policy.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/log_throttle.hpp"

namespace prefork::internal {

// The other workers of the pool, and the messages to and from them (wire/worker_message.hpp). The master has introduced
// each two of them with a socket pair, on which it has no part. What a socket does not take waits in a queue per
// worker; what does not fit into that is dropped. A worker whose socket ends has left, after all that it had sent.
class Talk {
 public:
  using OnMessage = std::function<void(const PoolWorker&, std::string_view)>;

  // `max_queue`: bytes that wait for one other worker. The references outlive the object.
  Talk(EventLoop& loop, const ErrorPolicy& errors, const OnMessage& on_message, std::size_t max_queue,
       preforkd::StatsPage& stats);
  ~Talk();
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  // As Server::other_workers() and so on.
  [[nodiscard]] std::vector<PoolWorker> others() const;
  SendResult send_to(unsigned slot, std::string_view message);
  SendResult send_to(const PoolWorker& worker, std::string_view message);
  std::size_t broadcast(std::string_view message);

  // Another worker. One that is known and lives stays as it is: a next master introduces all again.
  void meet(const preforkd::control::Meet& other, preforkd::UniqueFd socket) noexcept;
  // At the end of each turn.
  void settle() noexcept;
  // Something waits for another worker to read.
  [[nodiscard]] bool is_sending() const noexcept;
  // Drops what waits. From now on nothing does: what a socket does not take is dropped.
  void stop_queueing() noexcept;

 private:
  class Link;
  struct Outgoing;

  SendResult send(Link* link, std::string_view message);
  SendResult send(Link& link, Outgoing& message) noexcept;
  void drop(const PoolWorker& worker, std::size_t messages) noexcept;
  [[nodiscard]] bool has_share_left() noexcept;

  EventLoop& loop_;
  const ErrorPolicy& errors_;
  const OnMessage& on_message_;
  std::size_t max_queue_;
  preforkd::StatsPage& stats_;
  std::list<Link> links_;
  std::unique_ptr<char[]> buffer_;  // of the packet that is read
  EventLoop::TimePoint turn_;       // the last one with messages,
  EventLoop::TimePoint share_end_;  // and how long it reads them
  LogThrottle drop_log_{std::chrono::seconds(10)};
};

}  // namespace prefork::internal
