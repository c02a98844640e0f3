// SPDX-License-Identifier: MIT
#pragma once

#include <systemd/sd-bus.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "pools/bus/bus_target.hpp"
#include "pools/bus/json.hpp"
#include "pools/bus/message.hpp"

namespace preforkd {

struct Signal {
  std::string path;
  std::string interface;
  std::string member;
  Json arguments;
};

// The result of an asynchronous call: its out arguments, or why it failed.
using Reply = std::variant<Json, BusFailure>;

// A connection to a message bus. Callbacks run in process() and in wait_for(), which pass on what they throw. They may
// make calls.
class Bus {
 public:
  // Each call has `timeout`. Throws ExitError (69) if the bus cannot be reached: on this machine within the same time;
  // ssh, and a login in a container, may ask for a password and have as long as sd-bus gives them.
  explicit Bus(const BusTarget& target, std::chrono::microseconds timeout = std::chrono::seconds(5));
  Bus(const Bus&) = delete;
  Bus& operator=(const Bus&) = delete;
  ~Bus();

  // Waits for the reply and returns its arguments; throws BusFailure.
  Json call(const MethodCall& call);
  // The same for the first argument of the reply.
  Json ask(const MethodCall& call) { return this->call(call).at(0); }
  // Calls on_reply once, unless the connection ends before.
  void call_async(const MethodCall& call, std::function<void(const Reply&)> on_reply);
  // For the rest of the connection's life. `rule` as in sd_bus_add_match(3). Drops a signal that cannot be read. Throws
  // BusFailure.
  void match(const std::string& rule, std::function<void(const Signal&)> on_signal);

  // Handles what has arrived. Throws BusFailure once the connection is lost.
  void process();
  // Handles what arrives until `done` is true.
  void wait_for(const std::function<bool()>& done);
  // False if it takes longer.
  [[nodiscard]] bool wait_for(const std::function<bool()>& done, std::chrono::microseconds at_most);

  [[nodiscard]] const BusTarget& target() const noexcept { return target_; }
  [[nodiscard]] std::chrono::microseconds timeout() const noexcept { return timeout_; }
  [[nodiscard]] sd_bus* get() const noexcept { return bus_.get(); }

 private:
  struct Close {
    void operator()(sd_bus* bus) const noexcept { sd_bus_close_unref(bus); }
  };
  struct Unref {
    void operator()(sd_bus_slot* slot) const noexcept { sd_bus_slot_unref(slot); }
  };
  // What a callback of sd-bus is given; its slot ends before it does.
  struct Listener {
    Bus* bus;
    std::string answer;  // as MethodCall::answer
    std::chrono::steady_clock::time_point due;
    std::function<void(const Reply&)> on_reply;
    std::function<void(const Signal&)> on_signal;
    std::unique_ptr<sd_bus_slot, Unref> slot;
  };
  static int take_reply(sd_bus_message* message, void* listener, sd_bus_error* error);
  static int take_signal(sd_bus_message* message, void* listener, sd_bus_error* error);

  [[nodiscard]] Message make(const MethodCall& call) const;
  void rethrow();

  BusTarget target_;
  std::chrono::microseconds timeout_;
  std::unique_ptr<sd_bus, Close> bus_;
  std::list<Listener> listeners_;
  std::exception_ptr thrown_;
};

}  // namespace preforkd
