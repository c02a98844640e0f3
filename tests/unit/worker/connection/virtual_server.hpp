// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <random>
#include <string>
#include <vector>

#include "fakes/fake_streams.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::test {

// The connections of a server in virtual time, without a kernel. Bytes arrive at once and whole, and output has all the
// room there is, unless a test says otherwise.
class VirtualServer {
 public:
  explicit VirtualServer(const Limits& limits = {}, const Framing& framing = Framing::lines())
      : wheel_(streams.now()), framing_(framing), limits_(limits), path(streams, wheel_, handlers, framing_, limits_, stats) {
    table_before_ = internal::ConnectionTable::set_current(&path.table());
    handlers.on_close = [this](Connection&, CloseReason reason) { closed.emplace_back(to_string(reason)); };
  }
  VirtualServer(const VirtualServer&) = delete;
  VirtualServer& operator=(const VirtualServer&) = delete;
  ~VirtualServer() { internal::ConnectionTable::set_current(table_before_); }

  int connect() {
    const int client = streams.connect();
    sockaddr_storage peer{};
    peer.ss_family = AF_INET;
    path.admit(preforkd::UniqueFd(), peer, true);
    streams.wire(client).room = SIZE_MAX;
    return client;
  }
  // The bytes are in the kernel.
  void say(int client, std::string_view bytes) { streams.wire(client).arrived += bytes; }
  [[nodiscard]] Connection* connection(int client) {
    return static_cast<internal::ConnectionImpl*>(streams.wire(client).session);
  }

  // One turn of the loop, as WorkerRun makes it.
  void turn() {
    streams.deliver();
    wheel_.advance(streams.now());
    path.settle();
  }
  // Time passes in turns of one millisecond.
  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; --time) {
      streams.pass(std::chrono::milliseconds(1));
      turn();
    }
  }

  std::minstd_rand random{1};
  fakes::FakeStreams streams{random, {}};
  internal::Handlers handlers;
  preforkd::StatsPage stats{};
  std::vector<std::string> closed;  // reasons, in order

 private:
  internal::TimerWheel wheel_;
  Framing framing_;
  Limits limits_;
  internal::ConnectionTable* table_before_ = nullptr;

 public:
  internal::DataPath path;
};

}  // namespace prefork::test
