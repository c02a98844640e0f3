// SPDX-License-Identifier: MIT
#pragma once

#include <map>
#include <optional>
#include <string>

#include "pools/bus/bus.hpp"

namespace preforkd {

// A unit's state as in systemctl; the initial values if it is not loaded.
struct UnitState {
  std::string active = "inactive";
  std::string sub = "dead";
  std::string path;  // its object, if it is loaded
};

struct UnitStates {
  UnitState service;
  UnitState socket;
};

// By pool, for the units that systemd has loaded; nullopt if there is no systemd on the bus.
[[nodiscard]] std::optional<std::map<std::string, UnitStates>> unit_states(Bus& bus);

// States of a pool that does not report its own, in addition to the pool's own words "starting" and "stopping".
namespace standing {
inline constexpr const char* stopped = "stopped";  // from its units, like the next three
inline constexpr const char* waiting = "waiting";
inline constexpr const char* failed = "failed";
inline constexpr const char* no_bus = "no bus";
inline constexpr const char* not_running = "not running";  // if there is no systemd
inline constexpr const char* no_answer = "no answer";      // it is on the bus
}  // namespace standing

// The state of a pool that does not report its own.
struct Standing {
  std::string state;
  std::string remark;  // "exit 217/USER, journalctl -u preforkd@echo.service"; may be empty
};

// "waiting (for its first connection)".
[[nodiscard]] std::string text_of(const Standing& standing);

// Asks systemd why a unit failed, if one did. Throws BusFailure.
[[nodiscard]] Standing standing_of(Bus& bus, const std::string& pool, const UnitStates& units);

// "exit 217/USER", "signal 9 (SIGKILL)", "timeout": from a service's Result, ExecMainCode and ExecMainStatus.
[[nodiscard]] std::string unit_failure_text(const std::string& result, std::int32_t code, std::int32_t status);

}  // namespace preforkd
