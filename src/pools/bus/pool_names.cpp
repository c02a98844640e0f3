// SPDX-License-Identifier: MIT
#include "pools/bus/pool_names.hpp"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/errors.hpp"
#include "base/unit_names.hpp"
#include "config/values/pool_name.hpp"
#include "dbus/words.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/bus/further_looks.hpp"
#include "pools/bus/systemd.hpp"

namespace preforkd {
namespace {

// The first argument of what a method of the bus itself answers.
Json ask_bus(Bus& bus, const std::string& member, const std::string& answer, std::vector<Argument> arguments = {}) {
  return bus.ask({.destination = "org.freedesktop.DBus",
                  .path = "/org/freedesktop/DBus",
                  .interface = "org.freedesktop.DBus",
                  .member = member,
                  .answer = answer,
                  .arguments = std::move(arguments)});
}

// 0: the pool's unit has none now. nullopt: there is no systemd, or it has no such unit.
std::optional<std::uint32_t> main_process(Bus& bus, const std::string& pool) {
  try {
    const std::string unit = ask_manager(bus, "LoadUnit", "o", {service_unit(pool)});
    if (unit_property(bus, unit, "Unit", "LoadState") == "not-found") return std::nullopt;
    return unit_property(bus, unit, "Service", "MainPID").get<std::uint32_t>();
  } catch (const BusFailure& failure) {
    // A systemd that hangs may know another process.
    if (failure.name() == "org.freedesktop.DBus.Error.NoReply" ||
        failure.name() == "org.freedesktop.DBus.Error.Timeout")
      throw;
    return std::nullopt;
  }
}

ExitError impostor(const std::string& pool, std::uint32_t pid, std::uint32_t uid, std::uint32_t main) {
  return {exit_code::unavailable,
          "pool \"" + pool + "\": process " + std::to_string(pid) + " of uid " + std::to_string(uid) +
              " has the name " + bus_name(pool) + ", but the main process of " + service_unit(pool) + " is " +
              (main == 0 ? "none" : std::to_string(main)) + ": it is not the pool and is ignored"};
}

}  // namespace

std::string bus_name(const std::string& pool) { return dbus::name_prefix + pool; }

std::vector<std::string> pool_names(Bus& bus) {
  std::vector<std::string> pools;
  try {
    for (const Json& name : ask_bus(bus, "ListNames", "as")) {
      const auto& text = name.get_ref<const std::string&>();
      if (!text.starts_with(dbus::name_prefix)) continue;
      std::string pool = text.substr(std::string_view(dbus::name_prefix).size());
      if (is_pool_name(pool)) pools.push_back(std::move(pool));
    }
  } catch (const BusFailure& failure) {
    throw ExitError(exit_code::unavailable,
                    "cannot list the pools on " + describe(bus.target()) + ": " + failure.what());
  }
  std::sort(pools.begin(), pools.end());
  return pools;
}

PoolOwner pool_owner(Bus& bus, const std::string& pool) {
  try {
    // In a restart systemd and the bus notice the end of the old process one after the other.
    for (FurtherLooks looks(9);;) {
      const std::string connection = ask_bus(bus, "GetNameOwner", "s", {bus_name(pool)});
      const std::uint32_t pid = ask_bus(bus, "GetConnectionUnixProcessID", "u", {connection});
      const std::uint32_t uid = ask_bus(bus, "GetConnectionUnixUser", "u", {connection});
      if (uid == 0) return {connection, pid};
      const auto main = main_process(bus, pool);
      if (!main || *main == pid) return {connection, pid};
      if (!looks.wait()) throw impostor(pool, pid, uid, *main);
    }
  } catch (const BusFailure& failure) {
    const ExitError error = explain(failure, pool, bus.target(), 0);
    if (error.exit_code() == exit_not_running) throw AbsentPool(error.exit_code(), error.what());
    throw error;
  }
}

bool owns(Bus& bus, const std::string& connection, const std::string& pool) {
  return ask_bus(bus, "GetNameOwner", "s", {bus_name(pool)}) == connection;
}

}  // namespace preforkd
