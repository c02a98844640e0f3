// SPDX-License-Identifier: MIT
#pragma once

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// Reads what is set in a worker's process before the program is executed: directory, umask, nice, limits, cpu_affinity.
void read_process(ConfigReader& config, PoolConfig& out);

}  // namespace preforkd
