// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <random>
#include <string_view>

#include "base/unique_fd.hpp"
#include "wire/stats_page.hpp"
#include "worker/base/log_throttle.hpp"
#include "worker/base/post_queue.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/buffer.hpp"
#include "worker/connection/connection_table.hpp"
#include "worker/connection/peer_limiter.hpp"
#include "worker/connection/service.hpp"
#include "worker/io/streams.hpp"

namespace prefork::internal {

// What all connections of a worker share: counters, the scratch output and the queues of connections with something
// left to do at the end of the turn.
class DataPath {
 public:
  static constexpr std::size_t scratch_limit = std::size_t{64} * 1024;  // bytes written per send(2)
  static constexpr std::size_t max_lingering = 1024;                    // connections
  static constexpr std::size_t first_allowance = 128;                   // messages of one connection per turn
  static constexpr std::size_t max_allowance = 1024;                    // the same

  // `limits` are those of the worker; each service has its own for its connections. `home` takes what other threads do
  // with replies. `streams`, `wheel` and `stats` outlive the object.
  DataPath(Streams& streams, TimerWheel& wheel, const LimitValues& limits, preforkd::StatsPage& stats,
           std::shared_ptr<PostQueue> home);
  ~DataPath();
  DataPath(const DataPath&) = delete;
  DataPath& operator=(const DataPath&) = delete;

  // A new client. Closes a socket that the limits refuse, or that cannot be served for lack of memory: the latter
  // counts as an accept failure. `entrance` outlives the connection.
  void admit(preforkd::UniqueFd fd, const sockaddr_storage& peer, const Entrance& entrance);
  [[nodiscard]] std::size_t connections() const noexcept { return connections_; }
  void count_accept_failure() noexcept { add(stats_.accept_failures, 1); }
  [[nodiscard]] std::atomic<std::uint64_t>& busy_word() noexcept { return stats_.busy_time; }
  void mark_ready() noexcept { stats_.ready.store(1, std::memory_order_relaxed); }
  void mark_max_connections(std::uint64_t all) noexcept {
    stats_.max_connections.store(all, std::memory_order_relaxed);
  }
  void mark_full(bool full) noexcept { stats_.full.store(full ? 1 : 0, std::memory_order_relaxed); }

  // A connection that another worker has, which lets it go when `take_over` says so, after on_adopt. Returns its id; 0:
  // it stays there, because on_adopt threw, there was no memory, or `take_over` failed.
  [[nodiscard]] std::uint64_t adopt(preforkd::UniqueFd fd, const Entrance& entrance, const Luggage& luggage,
                                    const std::function<bool()>& take_over);

  // Runs at the end of each turn: late output and on_close, then late input, as far as its share of the turn goes.
  void settle();
  // settle() has left work for the next turn, which must not wait.
  [[nodiscard]] bool has_work() const noexcept { return queued_.first != nullptr || late_input_.first != nullptr; }

  // Each connection finishes its pending work and closes. With a mover, those that may move do so instead. Called
  // again when the mover is no longer there, or to end the patience with idle clients.
  void begin_drain(Mover* mover);
  // Serves those that are left as if no drain had begun.
  void serve_on() noexcept;
  // Closes every connection at once: with `busy` those that have work in hand, with `idle` the others. None lingers.
  void close_all(CloseReason busy, CloseReason idle);
  // No connection is left, and none lingers.
  [[nodiscard]] bool empty() const noexcept { return table_.size() == 0; }

  [[nodiscard]] ConnectionTable& table() noexcept { return table_; }
  // Connections with this descriptor can be marked for a successor.
  [[nodiscard]] bool may_mark(int fd) const noexcept { return streams_.may_mark(fd); }
  void set_giver(int fd) noexcept { streams_.set_giver(fd); }
  [[nodiscard]] std::size_t max_kept_state() const noexcept { return limits_.max_kept_state; }
  [[nodiscard]] Streams::TimePoint now() const noexcept { return streams_.now(); }

 private:
  friend class ConnectionImpl;
  friend class Cork;
  using TimePoint = Streams::TimePoint;

  // Counters have one writer: a load and a store are enough, and need no bus lock.
  static void add(std::atomic<std::uint64_t>& counter, std::uint64_t amount) noexcept {
    counter.store(counter.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void count_in(std::size_t bytes) noexcept { add(stats_.bytes_in, bytes); }
  void count_out(std::size_t bytes) noexcept { add(stats_.bytes_out, bytes); }
  void count_requests(std::uint64_t messages) noexcept {
    messages_ += messages;
    add(stats_.requests_total, messages);
  }
  void count_open(ActiveService& service) noexcept;
  void count_accepted() noexcept { add(stats_.connections_total, 1); }
  void count_adopted() noexcept { add(stats_.connections_adopted, 1); }
  void count_end(ActiveService& service) noexcept;
  void count_close(CloseReason reason) noexcept;
  [[nodiscard]] bool lets_in(const PeerAddress& peer) noexcept;
  void log_bad_header(const PeerAddress& proxy, const char* wrong) noexcept;
  void log_peer(LogThrottle& throttle, const PeerAddress& peer, std::initializer_list<std::string_view> what) noexcept;

  // Connections, linked by next_.
  struct Queue {
    ConnectionImpl* first = nullptr;
    ConnectionImpl* last = nullptr;
  };
  static void append(Queue& queue, ConnectionImpl& connection) noexcept;
  [[nodiscard]] static ConnectionImpl& take_first(Queue& queue) noexcept;

  void enqueue(ConnectionImpl& connection) noexcept;
  void measure_turn() noexcept;
  void settle_queued();
  void settle_late_input();

  Streams& streams_;
  TimerWheel& wheel_;
  const LimitValues limits_;
  const std::shared_ptr<PostQueue> home_;
  preforkd::StatsPage& stats_;
  ConnectionTable table_;
  BufferPool buffers_;
  Buffer scratch_;  // replies of corked_, while it handles one read
  ConnectionImpl* corked_ = nullptr;
  Queue queued_;                             // connections with something left to do
  Queue late_input_;                         // instead of queued_: those with messages left, until their turn
  std::size_t allowance_ = first_allowance;  // messages that a connection may deliver in this turn
  std::uint64_t messages_ = 0;               // of this turn
  std::uint64_t messages_before_ = 0;        // of the turn before, if it had no time to sleep
  TimePoint turn_began_;
  std::size_t connections_ = 0;  // open, or closed with on_close still to run
  std::size_t lingering_ = 0;
  std::size_t input_kept_ = 0;  // bytes of unfinished messages of all connections
  Mover* mover_ = nullptr;
  PeerLimiter peers_;
  LogThrottle limit_log_{std::chrono::seconds(10)};
  LogThrottle stranger_log_{std::chrono::seconds(10)};
  LogThrottle header_log_{std::chrono::seconds(10)};
  const ConnectionImpl* greeted_ = nullptr;  // its on_connect runs, and proxy_header_ is what its proxy has said
  const ProxyHeader* proxy_header_ = nullptr;
  std::minstd_rand random_;  // when the idle connections of a drain close
  TimePoint drain_began_;
  bool draining_ = false;
  bool at_once_ = false;
};

}  // namespace prefork::internal
