// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "master/base/event_loop.hpp"
#include "master/bus/bus_pump.hpp"
#include "master/bus/native_bus.hpp"

namespace sdbus {
class IConnection;
}

namespace preforkd {

// Keeps a connection to a message bus, and a name on it, for as long as the master runs. A bus that can't be reached, a
// name that may not be had (yet) and a bus that goes away cost one line in the log each and are tried again, after
// `min_wait` and twice as long each time up to `max_wait`. A bus that hangs does not hang the master: the
// connection is only used once the bus has answered.
class BusConnection {
 public:
  static constexpr Duration min_wait = std::chrono::milliseconds(500);
  static constexpr Duration max_wait = std::chrono::minutes(1);

  struct Events {
    // Connected. Objects are to be made now; the name is asked for afterwards.
    std::function<void(sdbus::IConnection&)> opened;
    // Everything that has to do with the connection is to be destroyed now. Called outside of its handlers.
    std::function<void()> lost;
  };

  // An empty address: there is no bus, and nothing ever happens.
  BusConnection(EventLoop& loop, std::string address, std::string name, Events events);
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;
  ~BusConnection();

 private:
  enum class Step { ask, open, close, name };

  void advance();
  // Asks the bus for a sign of life, on a connection of its own.
  void ask();
  void open();
  void request_name();
  void close();
  void try_again(const std::string& why);
  void go_on_with(Step step);
  void pump(sd_bus* bus);
  void on_connected(sd_bus_message* signal);
  void on_disconnected(sd_bus_message* signal);
  void on_name_acquired(sd_bus_message* signal);
  void name_answered(sd_bus_message* reply);

  EventLoop& loop_;
  const std::string address_;
  const std::string name_;
  const Events events_;
  Step next_ = Step::ask;
  Duration wait_ = min_wait;
  bool complained_ = false;
  NativeBus asking_;
  std::unique_ptr<sdbus::IConnection> connection_;
  NativeSlot disconnected_;
  NativeSlot name_call_;
  NativeSlot name_acquired_;
  std::optional<BusPump> pump_;
  EventSource timer_;
};

}  // namespace preforkd
