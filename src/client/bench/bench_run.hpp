// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "client/bench/bench.hpp"
#include "client/bench/bench_connection.hpp"
#include "client/bench/loopback_sources.hpp"
#include "client/bench/request_pattern.hpp"
#include "client/bench/request_schedule.hpp"
#include "client/bench/stop_signals.hpp"

namespace preforkd::client {

// One thread and one epoll. Each turn first does what may be done now (connect, send what is due), then waits, then
// takes what came. Only the first of these connects, so that an event never meets a newer connection than its own.
// Time-outs are looked for in a scan every `tick`, which is exact enough for them and costs nothing on the way of a
// request.
class Bench {
 public:
  Bench(const BenchOptions& options, const std::function<void(std::uint32_t)>& holding);

  BenchResult run();

 private:
  using Mode = BenchOptions::Mode;
  struct Slot {
    Slot(std::uint32_t number, std::size_t depth) : connection(number, depth) {}
    BenchConnection connection;
    nanoseconds connect_since{};  // of the attempt under way; 0: none
    nanoseconds request_start{};  // churn: when the request, for which it connects, was due
    nanoseconds retry_at{};       // closed: not before
    bool asked = false;           // open: its one request was sent
    bool decided = false;         // see untried_
  };

  // What may be done now.
  void advance();
  void begin_measuring();
  void fill(Slot& slot);
  void send_due();
  [[nodiscard]] bool may_ask() const;
  nanoseconds take_turn();

  // What came.
  void wait();
  void on_event(Slot& slot, std::uint32_t events);
  void on_replies(Slot& slot);

  // bench_connects.cpp: connections are made, fail and are made again.
  void connect_some();
  void connect_slot(Slot& slot);
  void on_open(Slot& slot);
  void fail(Slot& slot, const Ending& ending);
  void release(Slot& slot, nanoseconds retry_at);
  void decide(Slot& slot);
  void check_timeouts();

  // How it ends.
  void check_stop();
  [[nodiscard]] bool settled() const { return untried_ == 0; }
  [[nodiscard]] std::uint32_t open_connections() const;

  const BenchOptions& options_;
  const std::function<void(std::uint32_t)>& holding_;
  StopSignals signals_;
  Endpoint endpoint_;
  LoopbackSources sources_;
  RequestSchedule schedule_;
  RequestPattern pattern_;
  std::vector<char> buffer_;
  Descriptor epoll_;
  std::vector<Slot> slots_;
  std::deque<std::uint32_t> closed_;  // slots to connect, in the order in which they may
  BenchResult result_;
  nanoseconds now_{};
  nanoseconds next_scan_{};
  nanoseconds stop_at_ = nanoseconds::max();
  nanoseconds cpu_before_{};
  std::uint32_t connecting_ = 0;
  std::uint32_t untried_;          // slots whose first connection, and in mode open the first reply, is not decided
  std::uint64_t outstanding_ = 0;  // requests begun and not yet answered or lost
  std::size_t cursor_ = 0;         // rate: whose turn it is
  bool measuring_ = false;
  bool stopping_ = false;
};

}  // namespace preforkd::client
