// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// The number of CPUs that this process may keep busy, at least 1: those of its affinity mask, or fewer if the CPU quota
// of a control group is lower (2.5 CPUs count as 3).
[[nodiscard]] unsigned available_cpus();

// The lowest CPU quota, in CPUs, of a process's control group and those above it; nullopt if none is set. Reads version
// 2 (cpu.max) and version 1 (cpu.cfs_quota_us). `membership` is the text of /proc/self/cgroup, `mount` the mount point
// of control groups ("/sys/fs/cgroup").
[[nodiscard]] std::optional<double> cpu_quota(std::string_view membership, const std::string& mount);

}  // namespace preforkd
