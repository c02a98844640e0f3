// SPDX-License-Identifier: MIT
#include "ctl/context.hpp"

#include "ctl/command/command_line.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd::ctl {

Bus& Context::bus() {
  if (!bus_) bus_.emplace(options_.bus);
  return *bus_;
}

PoolClient Context::pool_to_change() {
  PoolClient client = pool();
  ask_passwords();
  return client;
}

bool Context::ask_passwords() {
  if (PasswordAgent::wanted(options_) && !agent_) agent_.emplace("pkttyagent");
  return options_.ask_password;
}

PoolClient Context::pool(const std::string& name) {
  const std::string checked = pool_argument(name);
  try {
    return {bus(), checked, options_.ask_password};
  } catch (const AbsentPool&) {
    return known_pools().client(checked, options_.ask_password);
  }
}

KnownPools& Context::known_pools() {
  if (!known_pools_) known_pools_.emplace(bus(), configs());
  return *known_pools_;
}

const PoolConfigs& Context::configs() {
  if (!configs_) configs_ = PoolConfigs::for_bus(options_.bus, options_.root);
  return *configs_;
}

}  // namespace preforkd::ctl
