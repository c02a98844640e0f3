// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace preforkd {

// The fields of /proc/PID/stat (proc(5)).
struct ProcessStat {
  std::string name;  // the program's, as ps shows it: any bytes
  char state = 'X';
  pid_t session = 0;
  std::uint64_t started = 0;  // ticks since the machine was booted

  // A zombie holds no resources, and not every PID 1 of a container reaps the zombies that it inherits.
  [[nodiscard]] bool lives() const noexcept { return state != 'Z' && state != 'X'; }
};

[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);
// nullopt: there is no such process, or it is not visible.
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);

}  // namespace preforkd
