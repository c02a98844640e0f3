// SPDX-License-Identifier: MIT
#include "generator/pool_units.hpp"

#include <netinet/in.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>
#include <tuple>

#include "base/address.hpp"
#include "base/escape.hpp"
#include "base/time_span.hpp"
#include "generator/strict_sandbox.hpp"
#include "generator/unit_text.hpp"

namespace preforkd {
namespace {

constexpr const char* drop_in = "50-preforkd.conf";

// What one .socket unit can say but once for all of its addresses.
struct SocketOptions {
  std::string name;
  int backlog = 0;
  std::string mode, user, group;
  bool both_families = false;

  bool operator==(const SocketOptions&) const = default;
};

struct SocketUnit {
  SocketOptions options;
  std::vector<std::string> addresses;
};

bool is_any_ipv6(const Address& address) {
  return address.family() == AF_INET6 &&
         IN6_IS_ADDR_UNSPECIFIED(&reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_addr);
}

bool has_port_zero(const Address& address) {
  if (address.family() == AF_INET) return reinterpret_cast<const sockaddr_in*>(address.get())->sin_port == 0;
  if (address.family() == AF_INET6) return reinterpret_cast<const sockaddr_in6*>(address.get())->sin6_port == 0;
  return false;
}

// A line of a unit file ends at these, or loses them.
bool is_kept_by_a_line(const std::string& path) {
  const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  return std::none_of(path.begin(), path.end(), is_control) && path.back() != ' ' && path.back() != '\\';
}

SocketOptions options_of(const ListenConfig& listen) {
  SocketOptions options{listen.name,      listen.backlog,    "",
                        listen.user_name, listen.group_name, is_any_ipv6(listen.address)};
  if (listen.mode) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", *listen.mode);
    options.mode = mode.data();
  }
  return options;
}

Result<std::vector<SocketUnit>> group(const PoolConfig& pool) {
  std::vector<SocketUnit> units;
  for (const ListenConfig& listen : pool.listen) {
    if (has_port_zero(listen.address))
      return Failure("listen: " + escape_bytes(listen.text, 200) + ": a .socket unit can't have port 0");
    if (!is_kept_by_a_line(listen.text))
      return Failure(
          "listen: \"" + escape_bytes(listen.text, 200) +
          "\": a .socket unit can't have control characters in an address, nor a blank or backslash at its end");
    const SocketOptions options = options_of(listen);
    auto unit =
        std::find_if(units.begin(), units.end(), [&](const SocketUnit& each) { return each.options == options; });
    if (unit == units.end()) unit = units.insert(units.end(), {options, {}});
    unit->addresses.push_back(listen.text);
  }
  return units;
}

std::string comment(const PoolConfig& pool) {
  return "Written by preforkd-generator from " + pool.file + ". To change it: edit that, then systemctl daemon-reload.";
}

void describe(UnitText& unit, const PoolConfig& pool, const std::string& what) {
  if (!pool.description.empty()) unit.set("Description", what + pool.description);
}

std::string first_socket(const PoolConfig& pool) { return "preforkd@" + pool.name + ".socket"; }
std::string service_of(const PoolConfig& pool) { return "preforkd@" + pool.name + ".service"; }
std::string further_socket(const PoolConfig& pool, std::size_t number) {
  return "preforkd-" + pool.name + '-' + std::to_string(number) + ".socket";
}

void add_socket_section(UnitText& unit, const SocketUnit& socket) {
  unit.section("Socket");
  for (const std::string& address : socket.addresses) unit.set("ListenStream", address);
  unit.set("FileDescriptorName", socket.options.name);
  unit.set("Backlog", std::to_string(socket.options.backlog));
  if (socket.options.both_families) unit.set("BindIPv6Only", "both");
  if (!socket.options.mode.empty()) unit.set("SocketMode", socket.options.mode);
  if (!socket.options.user.empty()) unit.set("SocketUser", socket.options.user);
  if (!socket.options.group.empty()) unit.set("SocketGroup", socket.options.group);
}

UnitFile first_socket_file(const PoolConfig& pool, const std::vector<SocketUnit>& sockets) {
  UnitText unit(comment(pool));
  unit.section("Unit");
  describe(unit, pool, "Sockets of ");
  for (std::size_t number = 2; number <= sockets.size(); ++number) unit.set("Requires", further_socket(pool, number));
  add_socket_section(unit, sockets.front());
  return {first_socket(pool) + ".d/" + drop_in, unit.text()};
}

UnitFile further_socket_file(const PoolConfig& pool, const SocketUnit& socket, std::size_t number) {
  UnitText unit(comment(pool));
  unit.section("Unit");
  unit.set("Description", "Sockets \"" + socket.options.name + "\" of the pool " + pool.name);
  unit.set("Documentation", "man:preforkd-generator(8) man:preforkd.json(5)");
  unit.set("PartOf", first_socket(pool));
  add_socket_section(unit, socket);
  unit.set("Service", service_of(pool));
  return {further_socket(pool, number), unit.text()};
}

std::string limit_text(rlim_t limit) { return limit == RLIM_INFINITY ? "infinity" : std::to_string(limit); }

// Limits that the master has to have before it can give them to a worker. Those that are without end by default (data,
// fsize, …) it can lower by itself, and has no use for.
void add_limits(UnitText& unit, const ProcessConfig& process) {
  constexpr std::array<std::pair<int, const char*>, 5> raised = {{{RLIMIT_NOFILE, "LimitNOFILE"},
                                                                  {RLIMIT_CORE, "LimitCORE"},
                                                                  {RLIMIT_STACK, "LimitSTACK"},
                                                                  {RLIMIT_MEMLOCK, "LimitMEMLOCK"},
                                                                  {RLIMIT_NPROC, "LimitNPROC"}}};
  for (const auto& [resource, key] : raised) {
    for (const ResourceLimit& limit : process.limits) {
      if (limit.resource == resource) unit.set(key, limit_text(limit.soft) + ':' + limit_text(limit.hard));
    }
  }
  if (process.nice && *process.nice < 0) unit.set("LimitNICE", std::to_string(*process.nice));
}

UnitFile service_file(const PoolConfig& pool, std::size_t sockets) {
  UnitText unit(comment(pool));
  unit.section("Unit");
  describe(unit, pool, "");
  unit.section("Service");
  if (sockets > 1) {
    std::string all = first_socket(pool);
    for (std::size_t number = 2; number <= sockets; ++number) all += ' ' + further_socket(pool, number);
    unit.set("Sockets", all);
  }
  if (!pool.user.empty()) unit.set("User", pool.user);
  // A stop lasts as long as its slowest worker drains; then comes SIGKILL, and some time to tidy up.
  constexpr Duration tidy_up = std::chrono::seconds(15);
  constexpr Duration of_the_unit = std::chrono::seconds(90);
  if (pool.drain_timeout + tidy_up > of_the_unit)
    unit.set("TimeoutStopSec", format_time_span(pool.drain_timeout + tidy_up));
  add_limits(unit, pool.process);
  if (pool.sandbox == Sandbox::strict) add_strict_sandbox(unit, pool);
  return {service_of(pool) + ".d/" + drop_in, unit.text()};
}

}  // namespace

Result<std::vector<UnitFile>> pool_units(const PoolConfig& pool) {
  const Result<std::vector<SocketUnit>> sockets = group(pool);
  if (!sockets) return Failure(sockets.error());
  std::vector<UnitFile> files;
  if (!sockets->empty()) files.push_back(first_socket_file(pool, *sockets));
  for (std::size_t i = 1; i < sockets->size(); ++i) files.push_back(further_socket_file(pool, (*sockets)[i], i + 1));
  files.push_back(service_file(pool, sockets->size()));
  return files;
}

}  // namespace preforkd
