// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// What /proc/PID/stat says about a process (proc(5)).
struct ProcessStat {
  std::string name;  // the program's, as ps shows it: any bytes
  char state = 'X';
  pid_t session = 0;
  std::uint64_t started = 0;  // ticks since the machine was booted

  // A zombie holds nothing, and not every PID 1 of a container reaps those that it inherits.
  [[nodiscard]] bool lives() const noexcept { return state != 'Z' && state != 'X'; }
};

[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);
// nullopt: there is no such process, or it can't be seen.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace preforkd
