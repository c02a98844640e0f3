// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/errors.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// A file for systemd, below the folder that a generator writes to.
struct UnitFile {
  std::string path;  // "preforkd@echo.socket.d/50-preforkd.conf"
  std::string text;
};

// What the template units preforkd@.socket and preforkd@.service need to be told to be the units of this pool:
//   preforkd@NAME.socket.d/50-preforkd.conf    the addresses and their options
//   preforkd-NAME-N.socket                     one for each further name or other options, which a .socket has but one
//   of;
//                                              it comes and goes with the first, and its sockets go to the same service
//   preforkd@NAME.service.d/50-preforkd.conf   user, sandbox, limits, and the time that a stop may take
// A pool without "listen" has no sockets from here: somebody else writes their drop-in. Pure. Fails for an address that
// no .socket unit can have.
[[nodiscard]] Result<std::vector<UnitFile>> pool_units(const PoolConfig& pool);

}  // namespace preforkd
