// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <map>
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

  // Answers `reply` with an error, or runs `act` if the caller is allowed to.
  template <class Reply>
  void when_allowed(const Caller& caller, BusAction action, std::map<std::string, std::string> details, Reply reply,
                    std::function<void(const std::string& who, const Reply& reply)> act) const {
    details.emplace("pool", control.config().name);
    authorization.ask({caller, action, std::move(details)},
                      [reply, act = std::move(act)](const sdbus::Error* refused, const std::string& who) {
                        if (refused != nullptr) return reply.error(*refused);
                        try {
                          act(who, reply);
                        } catch (const sdbus::Error& error) {
                          reply.error(error);
                        } catch (const std::exception& error) {
                          reply.error(bus_error(error_internal, error.what()));
                        }
                      });
  }
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
