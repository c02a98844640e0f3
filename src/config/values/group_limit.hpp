// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd {

// The limits that a config can set for the control group of a worker.
struct NamedGroupLimit {
  std::string_view key;         // in a config
  std::string_view controller;  // that must be enabled for it
  std::string_view file;        // of the group
};
inline constexpr std::array<NamedGroupLimit, 5> named_group_limits = {{{"memory_max", "memory", "memory.max"},
                                                                       {"memory_high", "memory", "memory.high"},
                                                                       {"cpu_weight", "cpu", "cpu.weight"},
                                                                       {"cpu_max", "cpu", "cpu.max"},
                                                                       {"pids_max", "pids", "pids.max"}}};

struct GroupLimit {
  NamedGroupLimit name;
  std::string value;  // as the kernel reads it
  std::string text;   // as in a config
};

[[nodiscard]] inline bool any_needs(std::string_view controller, const std::vector<GroupLimit>& limits) noexcept {
  return std::any_of(limits.begin(), limits.end(),
                     [&](const GroupLimit& limit) { return limit.name.controller == controller; });
}

}  // namespace preforkd
