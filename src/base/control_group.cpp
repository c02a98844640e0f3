// SPDX-License-Identifier: MIT
#include "base/control_group.hpp"

#include <algorithm>

#include "base/process_facts.hpp"

#include "base/split.hpp"

namespace preforkd {

bool ControlGroup::controls(std::string_view controller) const noexcept {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::vector<ControlGroup> parse_control_groups(std::string_view membership, const std::string& mount) {
  std::vector<ControlGroup> groups;
  for (const std::string_view line : split(membership, '\n')) {
    const std::size_t first = line.find(':');  // "ID:CONTROLLERS:GROUP"
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers(line.substr(first + 1, second - first - 1));
    ControlGroup each{{}, std::string(line.substr(second + 1)), mount};
    if (!controllers.empty()) {
      for (const std::string_view controller : split(controllers, ',')) each.controllers.emplace_back(controller);
    }
    // In a control group namespace a group outside of it shows as "/../…": only the root is visible here.
    if (each.group == "/" || each.group.find("/..") != std::string::npos) each.group.clear();
    if (!each.unified()) each.mount += '/' + controllers;
    groups.push_back(std::move(each));
  }
  return groups;
}

std::string own_control_groups() { return read_kernel_file("/proc/self/cgroup"); }

}  // namespace preforkd
