// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <deque>
#include <memory>
#include <vector>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/log_throttle.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"
#include "worker/service/inherited_sockets.hpp"

namespace prefork::internal {

// Accepts connections from the listening sockets that this worker shares with the others of its pool.
//
// The workers share one accept queue and wait for it with EPOLLEXCLUSIVE, so that one connection wakes one worker. The
// kernel wakes the first waiting worker in the order of registration: with few clients the first worker would accept
// all of them. So a worker that has accepted registers again, which moves it to the end of that order: round robin. (A
// worker that is not scheduled in time loses its turn to one that is.)
//
// In a burst all workers are awake, and the one that runs could empty the queue within one time slice. So a worker
// accepts one connection per turn, and more only in proportion to the other events of the turn, so that a busy worker's
// clients do not wait for its accepts one by one. While connection follows connection it has not slept, so its place
// among those that wait means nothing; then it registers again only at each eighth one, and yields the processor to the
// others. (Three workers on one processor, 300 connections at once: about 100 for each; without yielding often all 300
// for one.) Doing so at each would cost two system calls per connection, and a time slice where other processes compete
// for the processor: the slowest hundredth of the replies was seen to take up to three times as long.
//
// Rejected: SO_REUSEPORT, because a closing socket loses its queued connections; an accept lock, because a worker that
// dies while it holds the lock needs a rescue.
//
// When descriptors or memory run out, the client is disconnected: a reserved descriptor is closed for as long as it
// takes to accept and close. If that does not help, accepting pauses for a moment; it never spins.
class Acceptor final : private TimerNode {
 public:
  Acceptor(EventLoop& loop, TimerWheel& wheel, DataPath& path);
  ~Acceptor();
  Acceptor(const Acceptor&) = delete;
  Acceptor& operator=(const Acceptor&) = delete;

  // Begins to accept; clients of sockets[i] come in by entrances[i]. Throws ExitError (os_error) if epoll rejects a
  // socket.
  void open(std::vector<ListenSocket> sockets, const std::deque<Entrance>& entrances);
  // Stops accepting and closes the sockets: the port is free once all workers have done so. Removes our own UNIX path.
  void close() noexcept;

  // No socket is left from which a client could come.
  [[nodiscard]] bool has_lost_all() const noexcept;

  // At the end of each turn: accepts again when there is room below max_connections.
  void update() noexcept;

 private:
  struct Listener;
  enum class AcceptFailure { none_waiting, client_gone, shortage, shut_down, broken };

  [[nodiscard]] static AcceptFailure classify(int error) noexcept;
  void accept_from(Listener& listener);
  [[nodiscard]] bool accept_one(Listener& listener);
  void await_revival(Listener& listener);
  [[nodiscard]] bool relieve(Listener& listener, int error);
  [[nodiscard]] AcceptFailure turn_away(Listener& listener) noexcept;
  void refill_reserve() noexcept;
  void set_limited(Listener& listener, bool limited) noexcept;
  void give_way(Listener& listener) noexcept;
  void start_all() noexcept;
  void stop_all() noexcept;
  void pause() noexcept;
  void on_timer() override;

  EventLoop& loop_;
  TimerWheel& wheel_;
  DataPath& path_;
  std::vector<std::unique_ptr<Listener>> listeners_;
  preforkd::UniqueFd reserve_;
  TimePoint last_accept_;
  unsigned accepts_in_a_row_ = 0;  // turns with a connection, each soon after the one before
  bool paused_ = false;            // by a shortage, until the timer fires
  LogThrottle shortage_log_{std::chrono::seconds(10)};
  LogThrottle limit_log_{std::chrono::seconds(60)};
  LogThrottle revival_log_{std::chrono::seconds(60)};
};

}  // namespace prefork::internal
