// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pools/bus/bus.hpp"

namespace preforkd {

// "org.preforkd1.echo".
[[nodiscard]] std::string bus_name(const std::string& pool);

// The names of all pools on the bus, sorted. Throws ExitError.
[[nodiscard]] std::vector<std::string> pool_names(Bus& bus);

// The process that owns a pool's name.
struct PoolOwner {
  std::string connection;  // ":1.42", which is never reused
  std::uint32_t pid = 0;
};

// Finds the pool's process. The bus lets every process of the group _preforkd own the name while the pool is down, so
// where systemd has the pool's unit on that bus, the owner must be the unit's main process, or run as root. Throws
// ExitError: AbsentPool if the name has no owner, else 69.
[[nodiscard]] PoolOwner pool_owner(Bus& bus, const std::string& pool);

// Throws BusFailure.
[[nodiscard]] bool owns(Bus& bus, const std::string& connection, const std::string& pool);

}  // namespace preforkd
