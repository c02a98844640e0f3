// SPDX-License-Identifier: MIT
#include "generator/pool_units.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <string_view>
#include <utility>

#include "base/address_overlap.hpp"
#include "base/apply_command.hpp"
#include "base/escape.hpp"
#include "base/time_span.hpp"
#include "base/unit_names.hpp"
#include "generator/strict_sandbox.hpp"
#include "generator/unit_text.hpp"

namespace preforkd {
namespace {

constexpr const char* drop_in = "50-preforkd.conf";

// Options that one .socket unit has only once, for all of its addresses.
struct SocketOptions {
  std::string name;
  int backlog = 0;
  std::string mode, user, group;
  std::string families;  // BindIPv6Only=

  bool operator==(const SocketOptions&) const = default;
};

struct SocketUnit {
  SocketOptions options;
  std::vector<std::string> addresses;
};

// As preforkd binds it when started by hand, independent of net.ipv6.bindv6only.
std::string families_of(const ListenConfig& listen) {
  if (listen.address.family() != AF_INET6) return "";
  const Endpoint endpoint = endpoint_of(listen.address);
  if (endpoint.is_ipv4()) return "both";
  if (endpoint.is_any()) return listen.options.ipv6_only ? "ipv6-only" : "both";
  return "";
}

// A line of a unit file ends at these characters, or loses them.
bool is_kept_by_a_line(const std::string& path) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  return std::none_of(path.begin(), path.end(), is_control) && path.back() != ' ' && path.back() != '\\';
}

SocketOptions options_of(const ListenConfig& listen) {
  SocketOptions options{listen.name,      listen.options.backlog, "",
                        listen.user_name, listen.group_name,      families_of(listen)};
  if (listen.options.unix_mode) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", *listen.options.unix_mode);
    options.mode = mode.data();
  }
  return options;
}

Result<void> check(const PoolConfig& pool) {
  for (const ListenConfig& listen : pool.listen) {
    if (listen.address.has_any_port())
      return Failure("listen: " + escape_bytes(listen.text, 200) + ": a .socket unit can't have port 0");
    if (!is_kept_by_a_line(listen.text))
      return Failure(
          "listen: \"" + escape_bytes(listen.text, 200) +
          "\": a .socket unit can't have control characters in an address, nor a blank or backslash at its end");
  }
  return {};
}

// By number.
using SocketUnits = std::map<std::size_t, SocketUnit>;

SocketUnits group(const PoolConfig& pool, const SocketPlaces& before) {
  SocketUnits units;
  std::vector<SocketUnit> fresh;
  for (const ListenConfig& listen : pool.listen) {
    const SocketOptions options = options_of(listen);
    const auto place = before.find(listen.text);
    if (place != before.end()) {
      SocketUnit& unit = units.try_emplace(place->second, SocketUnit{options, {}}).first->second;
      if (unit.options == options) {
        unit.addresses.push_back(listen.text);
        continue;
      }
    }
    auto unit =
        std::find_if(fresh.begin(), fresh.end(), [&](const SocketUnit& each) { return each.options == options; });
    if (unit == fresh.end()) unit = fresh.insert(fresh.end(), {options, {}});
    unit->addresses.push_back(listen.text);
  }
  // A number that has just become free still belongs to a unit that holds another socket.
  std::set<std::size_t> taken{1};
  for (const auto& [address, number] : before) taken.insert(number);
  std::size_t number = units.contains(1) ? 2 : 1;
  for (SocketUnit& unit : fresh) {
    while (number > 1 && taken.contains(number)) ++number;
    units.emplace(number++, std::move(unit));
  }
  if (!units.empty() && !units.contains(1)) {
    auto moved = units.extract(units.begin());
    moved.key() = 1;
    units.insert(std::move(moved));
  }
  return units;
}

std::string comment(const PoolConfig& pool) {
  return "Written by preforkd-generator from " + pool.file + ". To change it: edit that file, then " +
         apply_command(pool.name) + ".";
}

std::string comment_on(const std::string& problem) {
  return "Written by preforkd-generator. The pool's config is wrong: " + problem +
         " To change this: fix it, then systemctl daemon-reload.";
}

// Always set: the templates' descriptions say that there is no config.
void describe(UnitText& unit, const PoolConfig& pool, const std::string& of_pool, const std::string& of_description) {
  unit.set("Description", pool.description.empty() ? of_pool + pool.name : of_description + pool.description);
}

void add_socket_section(UnitText& unit, const SocketUnit& socket) {
  unit.section("Socket");
  for (const std::string& address : socket.addresses) unit.set("ListenStream", address);
  unit.set("FileDescriptorName", socket.options.name);
  unit.set("Backlog", std::to_string(socket.options.backlog));
  if (!socket.options.families.empty()) unit.set("BindIPv6Only", socket.options.families);
  if (!socket.options.mode.empty()) unit.set("SocketMode", socket.options.mode);
  if (!socket.options.user.empty()) unit.set("SocketUser", socket.options.user);
  if (!socket.options.group.empty()) unit.set("SocketGroup", socket.options.group);
}

// "preforkd-web-2.socket preforkd-web-4.socket"
std::string further_sockets(const PoolConfig& pool, const SocketUnits& sockets) {
  std::string list;
  for (const auto& [number, unit] : sockets)
    if (number > 1) list += (list.empty() ? "" : " ") + further_socket_unit(pool.name, number);
  return list;
}

// Wants= and not Requires=: a socket that cannot be opened does not end the others. A restart of the first unit does
// not affect the further ones, which keep their queues.
UnitFile first_socket_file(const PoolConfig& pool, const SocketUnits& sockets) {
  UnitText unit(comment(pool));
  unit.section("Unit");
  describe(unit, pool, "Sockets of the pool ", "Sockets of ");
  if (const std::string further = further_sockets(pool, sockets); !further.empty()) unit.set("Wants", further);
  add_socket_section(unit, sockets.at(1));
  return {first_socket_unit(pool.name) + ".d/" + drop_in, unit.text()};
}

UnitFile further_socket_file(const PoolConfig& pool, const SocketUnit& socket, std::size_t number) {
  UnitText unit(comment(pool));
  unit.section("Unit");
  unit.set("Description", "Sockets \"" + socket.options.name + "\" of the pool " + pool.name);
  unit.set("Documentation", "man:preforkd-generator(8) man:preforkd.json(5)");
  unit.set("StopWhenUnneeded", "yes");  // when the first socket and the service are stopped, not when they restart
  add_socket_section(unit, socket);
  unit.set("Service", service_unit(pool.name));
  return {further_socket_unit(pool.name, number), unit.text()};
}

// Limits that the master must have before it can give them to a worker. Those that are unlimited by default (data,
// fsize, …) it can lower itself, and does not need.
void add_limits(UnitText& unit, const ProcessConfig& process) {
  constexpr std::array<std::pair<int, const char*>, 5> raised = {{{RLIMIT_NOFILE, "LimitNOFILE"},
                                                                  {RLIMIT_CORE, "LimitCORE"},
                                                                  {RLIMIT_STACK, "LimitSTACK"},
                                                                  {RLIMIT_MEMLOCK, "LimitMEMLOCK"},
                                                                  {RLIMIT_NPROC, "LimitNPROC"}}};
  for (const auto& [resource, key] : raised) {
    for (const ResourceLimit& limit : process.limits) {
      if (limit.resource == resource) unit.set(key, to_string(limit));
    }
  }
  if (process.nice && *process.nice < 0) unit.set("LimitNICE", std::to_string(*process.nice));
}

UnitFile service_file(const PoolConfig& pool, const SocketUnits& sockets) {
  const std::string further = further_sockets(pool, sockets);
  UnitText unit(comment(pool));
  unit.section("Unit");
  describe(unit, pool, "Pool ", "");
  // A socket unit cannot start while its service runs: a new one starts between the stop and the start of a restart.
  if (!further.empty()) {
    unit.set("Wants", further);
    unit.set("After", further);
  }
  unit.section("Service");
  if (!further.empty()) unit.set("Sockets", first_socket_unit(pool.name) + ' ' + further);
  if (!pool.user.empty()) unit.set("User", pool.user);
  add_limits(unit, pool.process);
  if (any_needs("cpu", pool.group_limits)) unit.set("Delegate", "cpu");  // in addition to those of the template
  for (const std::string& path : pool.writable) unit.set("ReadWritePaths", UnitText::optional_path(path));
  if (pool.sandbox == Sandbox::strict) add_strict_sandbox(unit, pool);
  return {service_unit(pool.name) + ".d/" + drop_in, unit.text()};
}

// One argument of a command line in a unit (systemd.service(5), "Command lines").
std::string argument(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') quoted += '\\';
    if (c == '$') quoted += '$';
    quoted += c;
  }
  return quoted + '"';
}

std::string alert_of(const std::string& pool) { return "preforkd-alert@" + pool; }

UnitText refusing_unit(const std::string& pool, const std::string& problem) {
  UnitText unit(comment_on(problem));
  unit.section("Unit");
  unit.set("Description", "Pool " + pool + " (" + problem + ")");
  return unit;
}

}  // namespace

std::vector<UnitFile> wrong_config_notes(const std::string& pool, const std::string& problem) {
  std::vector<UnitFile> files;
  for (const std::string& name : {first_socket_unit(pool), service_unit(pool)}) {
    UnitText unit(comment_on(problem));
    unit.section("Unit");
    unit.set("Description", "Pool " + pool + " (with its last valid config; now: " + problem + ")");
    files.push_back({name + ".d/60-preforkd-wrong-config.conf", unit.text()});
  }
  return files;
}

std::vector<UnitFile> refusing_units(const std::string& pool, const std::string& problem) {
  const std::string reason =
      argument("the config of the pool " + pool + " is wrong: " + problem + "; fix it, then: systemctl daemon-reload");
  const std::string folder = "/run/preforkd/" + pool;

  UnitText service = refusing_unit(pool, problem);
  service.section("Service");
  service.set("ExecStartPre", R"(/bin/sh -c 'echo "$$0" >&2; exit 78' )" + reason);

  // In that case the service does not even start, and no master raises an alert. An existing folder belongs to the
  // pool, which may have put anything there: root writes nothing to it.
  UnitText socket = refusing_unit(pool, problem);
  socket.set("OnFailure", alert_of(pool) + ".service");
  socket.set("Before", alert_of(pool) + ".path");  // which would start it a second time
  socket.section("Socket");
  // A socket unit needs an address to be loaded at all. This one is never opened.
  socket.set("ListenStream", "@preforkd-" + pool + "-has-a-wrong-config");
  socket.set("ExecStartPre", R"(/bin/sh -c 'echo "$$0" >&2; mkdir -p /run/preforkd; mkdir -m 711 "$$1" 2>/dev/null && )"
                             R"(echo "$$0" >"$$1/alert"; exit 78' )" +
                                 reason + ' ' + folder);

  // No master clears the alert either: it ends once it was reported.
  UnitText alert(comment_on(problem));
  alert.section("Service");
  alert.set("ExecStopPost", R"(+-/bin/sh -c '[ -O "$$0" ] && rm -f "$$0/alert" && rmdir "$$0"' )" + folder);

  return {{first_socket_unit(pool) + ".d/" + drop_in, socket.text()},
          {service_unit(pool) + ".d/" + drop_in, service.text()},
          {alert_of(pool) + ".service.d/" + drop_in, alert.text()}};
}

Result<PoolUnits> pool_units(const PoolConfig& pool, const SocketPlaces& before) {
  if (const Result<void> checked = check(pool); !checked) return Failure(checked.error());
  const SocketUnits sockets = group(pool, before);
  PoolUnits units;
  if (!sockets.empty()) units.files.push_back(first_socket_file(pool, sockets));
  for (const auto& [number, socket] : sockets) {
    if (number > 1) units.files.push_back(further_socket_file(pool, socket, number));
    for (const std::string& address : socket.addresses) units.places[address] = number;
  }
  units.files.push_back(service_file(pool, sockets));
  return units;
}

}  // namespace preforkd
