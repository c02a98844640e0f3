// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <vector>

#include "client/base/clock.hpp"

namespace preforkd::client {

// The processor time, user and system, that these processes have used up to now, exact to the nanosecond (their CPU
// clocks, see clock_getcpuclockid(3)). A process that does not exist (any more) counts as nothing.
[[nodiscard]] nanoseconds cpu_time_of(const std::vector<pid_t>& processes);

}  // namespace preforkd::client
