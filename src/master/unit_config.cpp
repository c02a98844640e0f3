// SPDX-License-Identifier: MIT
#include "master/unit_config.hpp"

#include <utility>

#include "base/apply_command.hpp"
#include "config/values/access_text.hpp"
#include "master/bus/bus_choice.hpp"

namespace preforkd {
namespace {

// Which would stay open.
PoolConfig without_program(PoolConfig config) {
  config.program_file.reset();
  return config;
}

}  // namespace

UnitConfig::UnitConfig(PoolConfig config) : user_(own_user()), config_(without_program(std::move(config))) {}

// Only systemd can change the user: the generator writes User= for it.
std::string UnitConfig::doubt_about_user(const PoolConfig& now) const {
  if (now.user.empty() || user_ == now.user) return "";
  return "user: the config says " + now.user + ", but the pool runs as " + user_ +
         (is_main_process_of_unit() ? "; " + apply_command(now.name) : "; by hand, start it as that user");
}

std::vector<std::string> UnitConfig::unapplied(const PoolConfig& now, const ListenSockets& sockets) const {
  if (!sockets.has_socket_unit()) return {};
  std::vector<std::string> keys;
  for (const std::string& address : sockets.unlike_units(config_.listen, now)) keys.push_back("listen " + address);
  if (now.user.empty() ? !config_.user.empty() : now.user != user_) keys.emplace_back("user");
  if (now.sandbox != config_.sandbox) keys.emplace_back("sandbox");
  if (now.writable != config_.writable) keys.emplace_back("writable");
  for (const GroupLimit& limit : now.group_limits) {
    if (limit.name.controller == "cpu" && !any_needs("cpu", config_.group_limits)) keys.emplace_back(limit.name.key);
  }
  return keys;
}

}  // namespace preforkd
