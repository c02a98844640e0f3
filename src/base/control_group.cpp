// SPDX-License-Identifier: MIT
#include "base/control_group.hpp"

#include <algorithm>

#include "base/process_facts.hpp"

namespace preforkd {
namespace {

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const std::size_t end = std::min(list.find(separator), list.size());
    parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(end + 1, list.size()));
  }
  return parts;
}

}  // namespace

bool ControlGroup::controls(std::string_view controller) const noexcept {
  return std::find(controllers.begin(), controllers.end(), controller) != controllers.end();
}

std::vector<ControlGroup> parse_control_groups(std::string_view membership, const std::string& mount) {
  std::vector<ControlGroup> groups;
  for (const std::string& line : split(membership, '\n')) {
    const std::size_t first = line.find(':');  // "ID:CONTROLLERS:GROUP"
    const std::size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    ControlGroup each{split(controllers, ','), line.substr(second + 1), mount};
    // In a control group namespace a group outside of it shows as "/../…": only the root is visible here.
    if (each.group == "/" || each.group.find("/..") != std::string::npos) each.group.clear();
    if (!each.unified()) each.mount += '/' + controllers;
    groups.push_back(std::move(each));
  }
  return groups;
}

std::string own_control_groups() { return read_kernel_file("/proc/self/cgroup"); }

}  // namespace preforkd
