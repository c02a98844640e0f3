// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <string>
#include <string_view>

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

}  // namespace preforkd
