// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// How many CPUs this process may keep busy, at least 1: those of its affinity mask, or fewer where a control group's
// CPU quota allows less (2.5 CPUs count as 3).
[[nodiscard]] unsigned available_cpus();

// The least CPU quota, in CPUs, of a process's control group and those above it; nullopt: none is set. Reads version 2
// (cpu.max) and version 1 (cpu.cfs_quota_us). `membership` is /proc/self/cgroup's text, `mount` where control groups
// are mounted ("/sys/fs/cgroup").
[[nodiscard]] std::optional<double> cpu_quota(std::string_view membership, const std::string& mount);

}  // namespace preforkd
