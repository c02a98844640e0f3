// SPDX-License-Identifier: MIT
#pragma once

#include "master/bus/native_bus.hpp"

namespace preforkd {

// /org/freedesktop/LogControl1 on the bus, as in org.freedesktop.LogControl1(5), so that `systemctl service-log-level`
// and `service-log-target` reach the master's log. Only root and the master's own user may change it; sd-bus checks
// that.
class LogControl {
 public:
  // Borrows the connection. Throws std::system_error.
  explicit LogControl(sd_bus* bus);

 private:
  NativeSlot slot_;
};

}  // namespace preforkd
