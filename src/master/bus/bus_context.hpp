// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>

#include "master/bus/authorization.hpp"
#include "master/bus/bus_reply.hpp"
#include "master/bus/pool_control.hpp"
#include "master/bus/wall_times.hpp"

namespace preforkd {

// The last reload, for later queries.
struct LastReload {
  std::uint64_t at = 0;  // as WallTimes; 0: there was none
  bool ok = false;
  std::string message;
};

// What the objects on the bus need; all of it outlives them.
struct BusContext {
  PoolControl& control;
  const Clock& clock;
  WallTimes& times;
  const LastReload& last_reload;
  std::uint64_t started_at;
  Authorization& authorization;
  BusReplies& replies;
};

}  // namespace preforkd
