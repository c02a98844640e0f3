// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "master/bus/native_bus.hpp"

namespace sdbus {
class IConnection;
}

namespace preforkd {

// Asks systemd whether it is about to start, stop or restart a socket unit of a pool.
class SocketJobs {
 public:
  using Answer = std::function<void(bool any)>;

  explicit SocketJobs(sdbus::IConnection& connection);

  // Answers once, later; with true also if systemd does not answer.
  void ask(const std::string& pool, Answer answer);
  // Answers pending questions with true.
  void give_up();

 private:
  void on_units(sd_bus_message* reply);

  sd_bus* const bus_;
  NativeSlot call_;
  std::string pool_;
  Answer answer_;
};

}  // namespace preforkd
