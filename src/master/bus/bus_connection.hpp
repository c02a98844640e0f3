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

// Keeps a connection to a message bus, and a name on it, as long as the master runs. If the bus cannot be reached, the
// name cannot be acquired (yet), or the bus is lost, this logs one line and tries again, after `min_wait`, doubled each
// time up to `max_wait`. A bus that hangs does not hang the master: the connection is used only after the bus has
// answered.
class BusConnection {
 public:
  static constexpr Duration min_wait = std::chrono::milliseconds(500);
  static constexpr Duration max_wait = std::chrono::minutes(1);

  struct Events {
    // Connected. Create the objects now; the name is requested afterwards.
    std::function<void(sdbus::IConnection&)> opened;
    // Destroy everything that uses the connection now. Called outside of its handlers.
    std::function<void()> lost;
  };

  // An empty address: there is no bus, and nothing is ever called.
  BusConnection(EventLoop& loop, std::string address, std::string name, Events events);
  BusConnection(const BusConnection&) = delete;
  BusConnection& operator=(const BusConnection&) = delete;
  ~BusConnection();

  // There is a bus, and the first try to reach it has not failed yet.
  [[nodiscard]] bool is_opening() const noexcept { return !address_.empty() && !connection_ && !complained_; }
  // Sends what is queued, if the bus takes it soon.
  void flush();

 private:
  enum class Step { ask, open, close, name };

  void advance();
  // Checks that the bus answers, on a separate connection.
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
