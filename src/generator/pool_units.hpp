// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "config/values/pool_config.hpp"
#include "generator/unit_file.hpp"

namespace preforkd {

// In which of a pool's socket units each address is: 1 is preforkd@NAME.socket, N is preforkd-NAME-N.socket. systemd
// keeps a socket over a daemon-reload only in the unit that has opened it, so an address stays where it is as long as
// it is listed with options that its unit can have. One that is new gets a unit of its own, since a unit that is active
// opens no further sockets; but the first unit is never without one.
using SocketPlaces = std::map<std::string, std::size_t>;

struct PoolUnits {
  std::vector<UnitFile> files;
  SocketPlaces places;
};

// What the template units preforkd@.socket and preforkd@.service need to be told to be the units of this pool:
//   preforkd@NAME.socket.d/50-preforkd.conf    the addresses and their options
//   preforkd-NAME-N.socket                     one for each further name or other options, which a .socket has but one
//                                              of, and for addresses that are not in `before`; it starts and stops with
//                                              the first, and its sockets go to the same service
//   preforkd@NAME.service.d/50-preforkd.conf   user, sandbox, limits, and the time that a stop may take
// A pool without "listen" has no sockets from here: somebody else writes their drop-in. Pure. Fails for an address that
// no .socket unit can have.
[[nodiscard]] Result<PoolUnits> pool_units(const PoolConfig& pool, const SocketPlaces& before = {});

// Drop-ins that show `problem`, the mistake in the pool's config, in the description of units that are kept as they
// last were. Pure.
[[nodiscard]] std::vector<UnitFile> wrong_config_notes(const std::string& pool, const std::string& problem);

// Units of a pool that is not to start, because its config is wrong and no valid one is known: without the drop-ins it
// would run outside of its sandbox, as another user, without its sockets. A start fails and says `problem`, also by
// preforkd-alert@NAME.service. Pure.
[[nodiscard]] std::vector<UnitFile> refusing_units(const std::string& pool, const std::string& problem);

}  // namespace preforkd
