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

namespace bus_errors {
inline constexpr const char* config_invalid = "org.preforkd1.Error.ConfigInvalid";
inline constexpr const char* listen_failed = "org.preforkd1.Error.ListenFailed";
inline constexpr const char* reload_failed = "org.preforkd1.Error.ReloadFailed";
inline constexpr const char* superseded = "org.preforkd1.Error.Superseded";
inline constexpr const char* stopping = "org.preforkd1.Error.Stopping";
inline constexpr const char* no_such_worker = "org.preforkd1.Error.NoSuchWorker";
inline constexpr const char* out_of_range = "org.preforkd1.Error.OutOfRange";
}  // namespace bus_errors

}  // namespace preforkd
