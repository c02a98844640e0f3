// SPDX-License-Identifier: MIT
#include "client/bench/cpu_meter.hpp"

#include <ctime>

namespace preforkd::client {

nanoseconds cpu_time_of(const std::vector<pid_t>& processes) {
  nanoseconds sum{0};
  for (const pid_t process : processes) {
    clockid_t clock{};
    timespec used{};
    if (clock_getcpuclockid(process, &clock) != 0 || clock_gettime(clock, &used) != 0) continue;
    sum += std::chrono::seconds(used.tv_sec) + nanoseconds(used.tv_nsec);
  }
  return sum;
}

}  // namespace preforkd::client
