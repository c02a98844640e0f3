// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// One line of /proc/self/cgroup: the group of this process in one hierarchy.
struct ControlGroup {
  std::vector<std::string> controllers;  // of version 1; empty: version 2
  std::string group;  // "/system.slice/x.service"; empty: the root of the hierarchy, or a group that is not visible
  std::string mount;  // where the hierarchy is mounted

  [[nodiscard]] bool unified() const noexcept { return controllers.empty(); }
  [[nodiscard]] bool controls(std::string_view controller) const noexcept;
};

// `membership` is the text of /proc/self/cgroup, `mount` the mount point of control groups ("/sys/fs/cgroup"). Leaves
// out invalid lines.
[[nodiscard]] std::vector<ControlGroup> parse_control_groups(std::string_view membership, const std::string& mount);

// The text of /proc/self/cgroup, and the mount point of control groups.
[[nodiscard]] std::string own_control_groups();
inline const std::string control_group_mount = "/sys/fs/cgroup";

}  // namespace preforkd
