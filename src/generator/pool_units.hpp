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

// The socket unit of each of a pool's addresses: 1 is preforkd@NAME.socket, N is preforkd-NAME-N.socket. systemd keeps
// a socket over a daemon-reload only in the unit that has opened it, so an address stays in its unit as long as it is
// listed with options that the unit can have. A new address gets a unit of its own, since an active unit opens no
// further sockets; but the first unit always has one.
using SocketPlaces = std::map<std::string, std::size_t>;

struct PoolUnits {
  std::vector<UnitFile> files;
  SocketPlaces places;
};

// What turns the template units preforkd@.socket and preforkd@.service into the units of this pool:
//   preforkd@NAME.socket.d/50-preforkd.conf    the addresses and their options
//   preforkd-NAME-N.socket                     one for each further name or set of options, because a .socket unit has
//                                              one of each, and for addresses that are not in `before`; it starts and
//                                              stops with the first, and its sockets go to the same service
//   preforkd@NAME.service.d/50-preforkd.conf   user, sandbox and limits
// A pool without "listen" gets no sockets from here: its drop-in is written elsewhere. Pure. Fails for an address that
// a .socket unit cannot have.
[[nodiscard]] Result<PoolUnits> pool_units(const PoolConfig& pool, const SocketPlaces& before = {});

// Drop-ins for units that are kept unchanged: they show `problem`, the mistake in the pool's config, in the
// description. Pure.
[[nodiscard]] std::vector<UnitFile> wrong_config_notes(const std::string& pool, const std::string& problem);

// Units of a pool that must not start, because its config is wrong and no valid one is known: without the drop-ins it
// would run outside of its sandbox, as another user, without its sockets. A start fails and reports `problem`, also
// through preforkd-alert@NAME.service. Pure.
[[nodiscard]] std::vector<UnitFile> refusing_units(const std::string& pool, const std::string& problem);

}  // namespace preforkd
