// SPDX-License-Identifier: MIT
#pragma once

#include <optional>

#include "master/base/instant.hpp"
#include "master/bus/native_bus.hpp"
#include "master/bus/pool_control.hpp"

namespace preforkd {

// Compares how long our unit's systemd waits for us to stop (TimeoutStopSec, systemd.service(5)) with how long workers
// may drain: where systemd is the first to lose patience, a stop cuts off requests that the config gives more time. One
// warning names both. Asks without waiting; a pool that is no service, and a bus without systemd, ask nobody.
class StopTimeout {
 public:
  // Borrows both.
  StopTimeout(sd_bus* bus, const PoolControl& control);
  StopTimeout(const StopTimeout&) = delete;
  StopTimeout& operator=(const StopTimeout&) = delete;

  // To be called when the config has changed.
  void compare();

 private:
  void ask_for_unit();
  void unit_known(sd_bus_message* reply);
  void timeout_known(sd_bus_message* reply);

  sd_bus* const bus_;
  const PoolControl& control_;
  NativeSlot call_;
  std::optional<Duration> timeout_;     // none: not known, or without end
  std::optional<Duration> complained_;  // about this drain_timeout
};

}  // namespace preforkd
