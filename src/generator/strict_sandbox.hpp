// SPDX-License-Identifier: MIT
#pragma once

#include "config/values/pool_config.hpp"
#include "generator/unit_text.hpp"

namespace preforkd {

// Adds to the service what "sandbox": "strict" restricts beyond the template unit (systemd.exec(5)): for a program that
// needs only its sockets, its own folder, that of its interpreter and the system's libraries. It cannot execute what it
// can write. The listening sockets come from outside of the private network, so they work.
void add_strict_sandbox(UnitText& unit, const PoolConfig& pool);

}  // namespace preforkd
