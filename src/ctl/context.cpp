// SPDX-License-Identifier: MIT
#include "ctl/context.hpp"

#include "ctl/base/arguments.hpp"

namespace preforkd::ctl {

Bus& Context::bus() {
  if (!bus_) bus_.emplace(options_.bus);
  return *bus_;
}

PoolClient Context::pool_to_change() {
  PoolClient client = pool();
  if (PasswordAgent::wanted(options_) && !agent_) agent_.emplace("pkttyagent");
  return client;
}

PoolClient Context::pool(const std::string& name) {
  const std::string checked = pool_argument(name);
  return {bus(), checked, options_.ask_password};
}

}  // namespace preforkd::ctl
