// SPDX-License-Identifier: MIT
#pragma once

#include "config/reader/config_reader.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// Reads what a worker's process is set to before it executes the program: directory, umask, nice, limits, cpu_affinity.
void read_process(ConfigReader& config, PoolConfig& out);

}  // namespace preforkd
