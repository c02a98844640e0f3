// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Handles a connection's messages from the event loop, instead of sd_bus_attach_event(3): after each message the
// connection rests in proportion to the cost, so that callers, however many, use at most about a quarter of a
// processor. Unread messages wait in the bus, which blocks their senders.
class BusPump {
 public:
  static constexpr int rest = 4;  // times the cost; the event loop's own cost comes on top
  // Gives up a bus that does not read before its unsent messages take much memory.
  static constexpr std::uint64_t max_unsent = 65'536;  // messages

  // Borrows the connection. Calls `failed`, outside of its handlers, when the connection cannot continue.
  BusPump(EventLoop& loop, sd_bus* bus, std::function<void()> failed);
  BusPump(const BusPump&) = delete;
  BusPump& operator=(const BusPump&) = delete;

  // Sends what is queued, as far as the bus accepts it in that time.
  void flush(Duration at_most);

 private:
  void process();
  // Watches for the events that the connection needs now.
  void watch();

  EventLoop& loop_;
  sd_bus* const bus_;
  const std::function<void()> failed_;
  Instant rested_{};
  int fd_ = -1;
  EventSource io_;
  EventSource timer_;
  EventSource after_each_;
};

}  // namespace preforkd
