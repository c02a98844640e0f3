// SPDX-License-Identifier: MIT
#include "pools/unit_states.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.hpp"
#include "base/address_holder.hpp"
#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "base/unit_names.hpp"
#include "config/values/pool_name.hpp"
#include "dbus/words.hpp"
#include "pools/bus/systemd.hpp"

namespace preforkd {
namespace {

// From systemd.exec(5), "Process exit codes": those that a pool's unit can have, and preforkd's own.
struct ExitName {
  std::int32_t status;
  const char* name;
};
constexpr auto exit_names = std::to_array<ExitName>({
    {exit_code::usage, "USAGE"},
    {exit_code::unavailable, "UNAVAILABLE"},
    {exit_code::os_error, "OSERR"},
    {exit_code::not_allowed, "NOPERM"},
    {exit_code::config, "CONFIG"},
    {200, "CHDIR"},
    {202, "FDS"},
    {203, "EXEC"},
    {205, "LIMITS"},
    {209, "STDOUT"},
    {216, "GROUP"},
    {217, "USER"},
    {218, "CAPABILITIES"},
    {219, "CGROUP"},
    {226, "NAMESPACE"},
    {228, "SECCOMP"},
    {233, "RUNTIME_DIRECTORY"},
});

std::string exit_text(std::int32_t status) {
  const auto* const found =
      std::find_if(exit_names.begin(), exit_names.end(), [&](const ExitName& each) { return each.status == status; });
  return "exit " + std::to_string(status) + (found != exit_names.end() ? std::string("/") + found->name : "");
}

std::string failure_of_service(Bus& bus, const UnitState& unit) {
  const auto property = [&](const char* name) { return unit_property(bus, unit.path, "Service", name); };
  const Json result = property("Result");
  return unit_failure_text(result.is_string() ? result.get<std::string>() : "",
                           property("ExecMainCode").get<std::int32_t>(),
                           property("ExecMainStatus").get<std::int32_t>());
}

// The master's status while it waits before its next try; empty if it has none, or if the unit was removed.
std::string status_text_of(Bus& bus, const UnitState& unit) {
  try {
    const Json text = unit_property(bus, unit.path, "Service", "StatusText");
    return text.is_string() ? text.get<std::string>() : "";
  } catch (const BusFailure&) {
    return "";
  }
}

// Which of its addresses other processes hold, and which processes: systemd often says only "Input/output error".
std::string holders(Bus& bus, const UnitState& socket) {
  if (!bus.target().is_this_machine()) return "";
  std::string text;
  try {
    for (const Json& entry : unit_property(bus, socket.path, "Socket", "Listen")) {
      const std::string name = entry.at(1).get<std::string>();
      const auto address = parse_address(name);
      const std::string holder = address ? describe_holder(*address) : "";
      if (!holder.empty()) text += ": " + name + " is " + holder;
    }
  } catch (const BusFailure&) {
    // The unit was removed.
  } catch (const Json::exception&) {
    // Another version of systemd may answer differently.
  }
  return text;
}

bool restarts(const UnitState& service) {
  return service.active == "activating" && service.sub.starts_with("auto-restart");
}

}  // namespace

std::string unit_failure_text(const std::string& result, std::int32_t code, std::int32_t status) {
  if (result == "exit-code" && code == CLD_EXITED && status != 0) return exit_text(status);
  if (result == "signal" || result == "core-dump") return signal_text(status);
  return result;
}

std::optional<std::map<std::string, UnitStates>> unit_states(Bus& bus) {
  std::map<std::string, UnitStates> all;
  Json rows;
  try {
    rows =
        ask_manager(bus, "ListUnitsByPatterns", "a(ssssssouso)",
                    {std::vector<std::string>(), std::vector<std::string>{service_unit("*"), first_socket_unit("*")}});
  } catch (const BusFailure&) {
    return std::nullopt;
  }
  for (const Json& row : rows) {  // name, description, load state, active state, sub state, followed unit, object, …
    const std::string name = row[0];
    const UnitState unit{row[3], row[4], row[6]};
    const std::string pool(pool_of_unit(name).value_or(""));
    if (!is_pool_name(pool)) continue;
    (name == service_unit(pool) ? all[pool].service : all[pool].socket) = unit;
  }
  return all;
}

std::string text_of(const Standing& standing) {
  return standing.remark.empty() ? standing.state : standing.state + " (" + standing.remark + ')';
}

Standing standing_of(Bus& bus, const std::string& pool, const UnitStates& units) {
  const auto& [service, socket] = units;
  if (service.active == "failed" || restarts(service)) {
    return {standing::failed, failure_of_service(bus, service) + ", journalctl -u " + service_unit(pool)};
  }
  if (service.active == "activating") return {dbus::state::starting, status_text_of(bus, service)};
  if (service.active == "deactivating") return {dbus::state::stopping, ""};
  if (service.active != "inactive") {
    return {standing::no_bus, "its unit is " + service.active + ", but the pool is not on the bus: systemctl status " +
                                  service_unit(pool)};
  }
  if (socket.active == "active") return {standing::waiting, "for its first connection"};
  if (socket.active == "failed") {
    return {standing::failed,
            "its socket can't be opened" + holders(bus, socket) + ", journalctl -u " + first_socket_unit(pool)};
  }
  return {standing::stopped, ""};
}

}  // namespace preforkd
