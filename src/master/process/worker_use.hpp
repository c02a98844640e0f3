// SPDX-License-Identifier: MIT
#pragma once

#include "master/base/instant.hpp"

namespace preforkd {

// What a worker has done since it started.
struct WorkerUse {
  Duration busy{0};  // time that it was busy; its CPU time if its program does not count that
  Duration cpu{0};
  bool full = false;  // it accepts no further connections, because of its max_connections
};

}  // namespace preforkd
