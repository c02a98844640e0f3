// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/group_folder.hpp"
#include "master/base/instant.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// What a worker has used since it started, and uses now.
struct WorkerUsage {
  Duration busy{0};                   // time that it was busy; its CPU time if its program does not count that
  Duration cpu{0};                    // processor time, user and system
  bool reports_busy = false;          // its program counts `busy`, and sends control::Busy
  bool full = false;                  // it accepts no further connections, because of its max_connections
  std::uint64_t connections = 0;      // open now, and
  std::uint64_t max_connections = 0;  // how many it accepts; 0: unknown
  // The rest costs more to find out (WorkerProcess::work_done).
  std::uint64_t memory = 0;     // bytes of RAM, without file pages and what it shares with other workers; 0: unknown
  std::uint64_t processes = 0;  // those that live
  std::optional<std::uint64_t> oom_kills{};  // of its processes, those that the OOM killer has ended
  std::map<std::string, double> pressure{};  // of "cpu", "memory", "io", as far as the kernel has it: in percent
};

// All processes of the group, for `cpu` and `oom_kills` also those that have ended. Where the group has no memory
// controller, `memory` is the sum over those that live, and `oom_kills` is unknown. Does not know `busy` and `full`.
[[nodiscard]] WorkerUsage usage_of(const GroupFolder& group);
// What a worker has used until its first process ended, about which the kernel says `first`. Its group knows more: what
// all of its processes have used, and from Linux 5.19 on the memory that they had at a time, with the pages of files.
// Else it is that of the first process and of its children for which it has waited, and the memory of the largest one.
[[nodiscard]] LifetimeUsage lifetime_usage(const GroupFolder* group, const rusage& first);
// One process alone, if its group is not its own.
[[nodiscard]] WorkerUsage usage_of(pid_t process);

}  // namespace preforkd
