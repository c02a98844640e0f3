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
      : setup_{{}, {}, framing, limits, {}, false},
        service_(setup_, limits.impl().values),
        entrance_{service_, "socket", true, 0, limits.impl().values.proxy_protocol},
        path(streams, wheel, limits.impl().values, stats, nullptr) {
    table_before_ = internal::ConnectionTable::set_current(&path.table());
    handlers.on_close = [this](Connection&, CloseReason reason) { closed.emplace_back(to_string(reason)); };
  }
  VirtualServer(const VirtualServer&) = delete;
  VirtualServer& operator=(const VirtualServer&) = delete;
  ~VirtualServer() { internal::ConnectionTable::set_current(table_before_); }

  int connect() {
    const int client = streams.connect();
    path.admit(preforkd::UniqueFd(), peer, entrance_);
    streams.wire(client).room = SIZE_MAX;
    return client;
  }
  // The bytes are in the kernel.
  void say(int client, std::string_view bytes) { streams.wire(client).arrived += bytes; }
  [[nodiscard]] const internal::Entrance& entrance() const { return entrance_; }
  [[nodiscard]] Connection* connection(int client) {
    return static_cast<internal::ConnectionImpl*>(streams.wire(client).session);
  }

  // One turn of the loop, as WorkerRun makes it.
  void turn() {
    streams.deliver();
    wheel.advance(streams.now());
    path.settle();
  }
  // Time passes in turns of one millisecond.
  void pass(std::chrono::milliseconds time) {
    for (; time.count() > 0; --time) {
      streams.pass(std::chrono::milliseconds(1));
      turn();
    }
  }

  static sockaddr_storage ipv4() {
    sockaddr_storage address{};
    address.ss_family = AF_INET;
    return address;
  }

  std::minstd_rand random{1};
  fakes::FakeStreams streams{random, {}};
  internal::TimerWheel wheel{streams.now()};
  preforkd::StatsPage stats{};
  std::vector<std::string> closed;  // reasons, in order

 private:
  internal::ServiceSetup setup_;
  internal::ActiveService service_;
  internal::Entrance entrance_;
  internal::ConnectionTable* table_before_ = nullptr;

 public:
  internal::DataPath path;
  internal::Handlers& handlers = setup_.handlers;
  sockaddr_storage peer = ipv4();  // of the next client
};

}  // namespace prefork::test
