// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <vector>

#include "client/base/clock.hpp"

namespace preforkd::client {

// The processor time, user and system, that these processes have used so far, exact to the nanosecond (their CPU
// clocks, see clock_getcpuclockid(3)). A process that does not exist counts as 0.
[[nodiscard]] nanoseconds cpu_time_of(const std::vector<pid_t>& processes);

}  // namespace preforkd::client
