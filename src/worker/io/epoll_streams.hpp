// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>

#include "worker/base/event_loop.hpp"
#include "worker/io/streams.hpp"

namespace prefork::internal {

// Streams over epoll. A socket is registered once, edge-triggered, and not again when its session stops or wants input:
// what epoll has reported is remembered (`readable`) until a read shows that nothing is left. At most one read per
// turn and session, so that a client that sends without end does not keep the others waiting; those with more to read
// stand in a list for the next turn.
//
// A read that fills less than its buffer shows that a TCP socket is empty, which saves the read that would say so. This
// does not hold before the client's end of file, before out-of-band data, and for other sockets (a read of a UNIX
// socket ends at a passed descriptor). These are read until nothing is left.
class EpollStreams final : public Streams {
 public:
  // `loop` outlives it. Throws std::bad_alloc.
  explicit EpollStreams(EventLoop& loop);
  EpollStreams(const EpollStreams&) = delete;
  EpollStreams& operator=(const EpollStreams&) = delete;

  // One turn: waits up to `timeout_ms` (-1: for ever), and calls the sessions and all other sources of the loop. Passes
  // on an exception of one of these.
  void turn(int timeout_ms);

  [[nodiscard]] TimePoint now() const noexcept override { return loop_.now(); }
  [[nodiscard]] TimePoint clock() const noexcept override { return std::chrono::steady_clock::now(); }
  [[nodiscard]] bool open(Session& session, preforkd::UniqueFd fd, bool is_tcp) noexcept override;
  void want_input(Session& session, bool wanted) noexcept override;
  [[nodiscard]] ssize_t send(Session& session, std::string_view bytes) noexcept override;
  [[nodiscard]] std::size_t unread(const Session& session) const noexcept override;
  [[nodiscard]] std::size_t unacknowledged(const Session& session) const noexcept override;
  [[nodiscard]] bool end_output(Session& session) noexcept override;
  [[nodiscard]] preforkd::UniqueFd release(Session& session) noexcept override;
  void close(Session& session) noexcept override;

 private:
  void on_events(Session& session, std::uint32_t events) override;
  void read_once(Session& session);
  void read_listed(std::size_t count);
  void enlist(Session& session) noexcept;
  void unlist(Session& session) noexcept;
  static void tell_peer_end(Session& session);

  EventLoop& loop_;
  std::unique_ptr<char[]> buffer_;  // headroom, then read_size bytes
  Session* first_ = nullptr;        // with input left to read
  Session* last_ = nullptr;
  std::size_t listed_ = 0;
};

}  // namespace prefork::internal
