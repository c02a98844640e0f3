// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <string>

#include "master/bus/native_bus.hpp"

namespace sdbus {
class IConnection;
}

namespace preforkd {

// What systemd is about to do with the units of a pool.
struct UnitJobs {
  bool of_sockets = true;         // it starts, stops or restarts a socket unit; also if it does not answer
  bool restarts_service = false;  // it stops the service to start it again,
  std::string user{};             // as this user (User=)
};

// Asks systemd for them.
class UnitJobsQuery {
 public:
  using Answer = std::function<void(const UnitJobs& jobs)>;

  explicit UnitJobsQuery(sdbus::IConnection& connection);

  // Answers once, later. A pending question is answered as if systemd did not.
  void ask(const std::string& pool, Answer answer);
  // Answers a pending question so.
  void give_up();

 private:
  void on_units(sd_bus_message* reply);
  void on_user(sd_bus_message* reply);
  void ask_for_user(const std::string& unit_path);
  void finish();

  sd_bus* const bus_;
  NativeSlot call_;
  std::string pool_;
  UnitJobs found_;
  Answer answer_;
};

}  // namespace preforkd
