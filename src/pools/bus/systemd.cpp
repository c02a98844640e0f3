// SPDX-License-Identifier: MIT
#include "pools/bus/systemd.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/errors.hpp"
#include "base/unit_names.hpp"

namespace preforkd {
namespace {

constexpr char service_name[] = "org.freedesktop.systemd1";
constexpr char object_path[] = "/org/freedesktop/systemd1";
constexpr char manager_interface[] = "org.freedesktop.systemd1.Manager";

ExitError explained(const BusFailure& failure, const std::string& what) {
  const std::string& name = failure.name();
  const bool denied = name == "org.freedesktop.DBus.Error.AccessDenied" ||
                      name == "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired";
  const bool absent =
      name == "org.freedesktop.DBus.Error.ServiceUnknown" || name == "org.freedesktop.DBus.Error.NameHasNoOwner";
  if (denied) return {exit_code::not_allowed, "systemd: " + what + ": not allowed; try as root"};
  return {absent ? exit_code::unavailable : exit_code::failure, "systemd: " + what + ": " + failure.what()};
}

}  // namespace

Json ask_systemd(Bus& bus, const std::string& path, const std::string& interface, const std::string& member,
                 const std::string& answer, std::vector<Argument> arguments) {
  return bus.ask({.destination = service_name,
                  .path = path,
                  .interface = interface,
                  .member = member,
                  .answer = answer,
                  .arguments = std::move(arguments)});
}

Json ask_manager(Bus& bus, const std::string& member, const std::string& answer, std::vector<Argument> arguments) {
  return ask_systemd(bus, object_path, manager_interface, member, answer, std::move(arguments));
}

Json unit_property(Bus& bus, const std::string& unit, const std::string& interface, const std::string& name) {
  return ask_systemd(bus, unit, "org.freedesktop.DBus.Properties", "Get", "v",
                     {"org.freedesktop.systemd1." + interface, name});
}

Systemd::Systemd(Bus& bus, bool interactive) : bus_(bus), interactive_(interactive) {}

Json Systemd::call(const std::string& member, std::vector<Argument> arguments, const std::string& answer) {
  MethodCall call{.destination = service_name,
                  .path = object_path,
                  .interface = manager_interface,
                  .member = member,
                  .answer = answer,
                  .arguments = std::move(arguments),
                  .interactive = interactive_};
  call.timeout_us = UINT64_MAX;  // generators run, users type passwords
  try {
    return bus_.call(call);
  } catch (const BusFailure& failure) {
    throw explained(failure, member);
  }
}

void Systemd::reload_units() { static_cast<void>(call("Reload", {}, "")); }

void Systemd::run_job(const std::string& method, const std::string& unit) {
  try {
    if (ended_.empty()) {
      bus_.match(
          "type='signal',sender='org.freedesktop.systemd1',interface='org.freedesktop.systemd1.Manager',"
          "member='JobRemoved'",
          [this](const Signal& signal) {
            if (signal.arguments.size() < 4) return;
            ended_[signal.arguments[1].get<std::string>()] = signal.arguments[3].get<std::string>();
          });
      ended_[""] = "";
      static_cast<void>(call("Subscribe", {}, ""));
    }
    const std::string job = call(method, {unit, std::string("replace")}, "o").at(0).get<std::string>();
    bus_.wait_for([&] { return ended_.contains(job); });
    if (const std::string& result = ended_[job]; result != "done") {
      throw ExitError(exit_code::failure, method + ' ' + unit + ": " + result + "; see systemctl status " + unit +
                                              ", journalctl -u " + unit);
    }
  } catch (const BusFailure& failure) {
    throw explained(failure, method + ' ' + unit);
  }
}

// ListUnitsByPatterns() returns name, description, load state, active state, …
std::map<std::string, std::string> Systemd::sockets(const std::string& pool) {
  using Texts = std::vector<std::string>;
  std::map<std::string, std::string> found;
  const Json answer = call("ListUnitsByPatterns", {Texts(), socket_unit_patterns(pool)}, "a(");
  for (const Json& unit : answer.at(0)) {
    const std::string name = unit.at(0).get<std::string>();
    if (is_socket_unit_of(pool, name)) found[name] = unit.at(3).get<std::string>();
  }
  return found;
}

Json Systemd::property(const std::string& unit, const std::string& interface, const std::string& name) {
  const std::string path = call("LoadUnit", {unit}, "o").at(0).get<std::string>();
  try {
    return unit_property(bus_, path, interface, name);
  } catch (const BusFailure& failure) {
    throw explained(failure, unit + ": " + name);
  }
}

std::string Systemd::active_state(const std::string& unit) {
  return property(unit, "Unit", "ActiveState").get<std::string>();
}

std::vector<std::string> Systemd::sockets_of(const std::string& service) {
  std::vector<std::string> units;
  for (const Json& unit : property(service, "Unit", "TriggeredBy")) units.push_back(unit.get<std::string>());
  return units;
}

Json Systemd::confinement(const std::string& service) {
  constexpr std::array prefixes{
      "User",     "Limit",  "Private",           "Protect",    "Restrict",        "ReadWritePaths",
      "ExecPath", "NoExec", "BindReadOnlyPaths", "MemoryDeny", "SystemCallFilter"};
  const std::string path = call("LoadUnit", {service}, "o").at(0).get<std::string>();
  Json found = Json::object();
  try {
    const Json all = ask_systemd(bus_, path, "org.freedesktop.DBus.Properties", "GetAll", "a{sv}",
                                 {std::string("org.freedesktop.systemd1.Service")});
    for (const auto& [name, value] : all.items()) {
      const bool counts = std::any_of(prefixes.begin(), prefixes.end(),
                                      [&key = name](const char* prefix) { return key.starts_with(prefix); });
      if (counts) found[name] = value;
    }
  } catch (const BusFailure& failure) {
    throw explained(failure, service);
  }
  return found;
}

std::vector<std::string> Systemd::addresses(const std::string& socket) {
  std::vector<std::string> all;
  for (const Json& entry : property(socket, "Socket", "Listen")) all.push_back(entry.at(1).get<std::string>());
  return all;
}

}  // namespace preforkd
