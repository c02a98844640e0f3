// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// For --check: whether the addresses of a config can be bound on this machine now. Nothing listens meanwhile and no
// UNIX path is made or connected to, so that a pool that runs notices nothing. An address that the pool of that name
// has is fine.
struct AddressFindings {
  std::vector<std::string> problems;  // another process has it, or something that is not a socket stands at its path
  std::vector<std::string> doubts;    // what may be otherwise when the pool starts, or for its user
};

// `by_systemd`: it is a config of units, whose sockets systemd binds as root and may hold already.
[[nodiscard]] AddressFindings check_addresses(const PoolConfig& config, bool by_systemd);

}  // namespace preforkd
