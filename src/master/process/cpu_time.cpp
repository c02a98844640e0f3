// SPDX-License-Identifier: MIT
#include "master/process/cpu_time.hpp"

#include <time.h>

#include <chrono>

namespace preforkd {

std::optional<Duration> cpu_time(pid_t pid) noexcept {
  clockid_t clock{};
  timespec spent{};
  if (pid <= 0 || clock_getcpuclockid(pid, &clock) != 0 || clock_gettime(clock, &spent) != 0) return std::nullopt;
  return std::chrono::duration_cast<Duration>(std::chrono::seconds(spent.tv_sec) +
                                              std::chrono::nanoseconds(spent.tv_nsec));
}

}  // namespace preforkd
