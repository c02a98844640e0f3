// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>

#include "master/base/instant.hpp"

namespace preforkd {

// Processor time, user and system, of all threads of a process. nullopt if there is no such process. One system call
// (clock_getcpuclockid(3)) instead of a file of /proc.
[[nodiscard]] std::optional<Duration> cpu_time(pid_t pid) noexcept;

}  // namespace preforkd
