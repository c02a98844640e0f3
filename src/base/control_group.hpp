// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// One line of /proc/self/cgroup: the group that this process is in, in one hierarchy.
struct ControlGroup {
  std::vector<std::string> controllers;  // of version 1; none: version 2
  std::string group;  // "/system.slice/x.service"; empty: the root of the hierarchy, or one that can't be seen
  std::string mount;  // where the hierarchy is mounted

  [[nodiscard]] bool unified() const noexcept { return controllers.empty(); }
  [[nodiscard]] bool controls(std::string_view controller) const noexcept;
};

// `membership` is /proc/self/cgroup's text, `mount` where control groups are mounted ("/sys/fs/cgroup"). What makes no
// sense is left out.
[[nodiscard]] std::vector<ControlGroup> parse_control_groups(std::string_view membership, const std::string& mount);

// The whole of a file in /proc or /sys/fs/cgroup; empty if there is none.
[[nodiscard]] std::string read_kernel_file(const std::string& path);

// /proc/self/cgroup's text, and where the groups are mounted.
[[nodiscard]] std::string own_control_groups();
inline const std::string control_group_mount = "/sys/fs/cgroup";

}  // namespace preforkd
