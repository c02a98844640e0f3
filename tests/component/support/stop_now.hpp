// SPDX-License-Identifier: MIT
#pragma once

#include <signal.h>

#include "support/proc.hpp"
#include "support/process.hpp"

namespace preforkd::component {

// Sends SIGTERM to a master again and again, so that workers that do not leave are killed, and returns the exit that
// follows.
inline Exit stop_now(Process& master) {
  static_cast<void>(eventually([&] {
    master.signal(SIGTERM);
    return wait_gone(master.pidfd(), std::chrono::milliseconds(0));
  }));
  return master.wait_exit();
}

}  // namespace preforkd::component
