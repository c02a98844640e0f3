// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "config/values/pool_config.hpp"

namespace preforkd {

// For --check: whether the addresses of a config can be bound on this machine now. Does not listen, and neither makes
// nor connects to a UNIX path, so that a running pool notices nothing. An address that the pool of that name holds is
// fine.
struct AddressFindings {
  std::vector<std::string> problems;  // another process has it, or a file that is not a socket is at its path
  std::vector<std::string> doubts;    // what may be different when the pool starts, or for its user
};

// `by_systemd`: it is a config of units; systemd binds its sockets as root and may hold them already.
[[nodiscard]] AddressFindings check_addresses(const PoolConfig& config, bool by_systemd);

}  // namespace preforkd
