// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <cstdint>
#include <functional>

#include "master/base/event_loop.hpp"

namespace preforkd {

// Lets a connection's messages be handled by the event loop, in place of sd_bus_attach_event(3): after each message the
// connection rests in proportion to what that has cost, so that callers, however many, get about a quarter of a
// processor at most. What is not read meanwhile waits in the bus, which stops its senders.
class BusPump {
 public:
  static constexpr int rest = 4;  // so many times the cost; the event loop's own comes on top
  // A bus that reads nothing is given up before what is kept for it takes much memory.
  static constexpr std::uint64_t max_unsent = 65'536;  // messages

  // Borrows the connection. `failed` is called, not from inside its handlers, when it can't go on.
  BusPump(EventLoop& loop, sd_bus* bus, std::function<void()> failed);
  BusPump(const BusPump&) = delete;
  BusPump& operator=(const BusPump&) = delete;

  // Sends what waits to be sent, as far as the bus takes it in that time.
  void flush(Duration at_most);

 private:
  void process();
  // Waits for what the connection wants now.
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
