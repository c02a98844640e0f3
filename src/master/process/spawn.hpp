// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>
#include <sys/types.h>

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "config/values/cpu_affinity.hpp"
#include "config/values/file_stamp.hpp"
#include "config/values/pool_config.hpp"

namespace preforkd {

// What one process is started with. From the parent it inherits only the user, the namespaces, and the control group,
// umask, priority, resource limits and CPUs that are not set here.
struct SpawnPlan {
  std::string program;                   // path for execve
  int program_file = -1;                 // borrowed; executed instead if another file is at that path; -1: none
  std::vector<FileStamp> files;          // that are checked for changes; the program first
  std::vector<std::string> arguments;    // argv, [0] included
  std::vector<std::string> environment;  // "NAME=value", without LISTEN_PID and WATCHDOG_PID
  bool set_listen_pid = false;           // add LISTEN_PID= and WATCHDOG_PID= with the new process's own pid
  bool set_watchdog_pid = false;
  std::string directory = "/";
  int group_entrance = -1;                // borrowed: GroupFolder::entrance() of its control group; -1: the parent's
  std::vector<int> descriptors;           // [i] becomes descriptor i; borrowed, all valid; all others are closed
  int death_signal = 0;                   // sent to it when the parent dies; 0: none
  ProcessConfig process;                  // its cpu_affinity is not used: `cpus` is that of the slot
  CpuMask cpus;                           // empty: the parent's
  std::optional<rlim_t> soft_open_files;  // RLIMIT_NOFILE's soft limit, unless `process.limits` has one
};

struct Spawned {
  pid_t pid = 0;
  UniqueFd pidfd;
  UniqueFd report;  // for read_exec_report; non-blocking
};

// Starts a process and does not wait for its execve, so a program on a dead network file system holds up nothing. The
// process has its own session (a ^C at the master's terminal is for the master, which then drains its workers), with
// every signal disposition at its default and no signal blocked. Fails with the errno if there is no new process. A
// step that fails later, in the child, is reported through `report`; the child then exits with status 127.
[[nodiscard]] Result<Spawned> spawn(const SpawnPlan& plan);

// What was read from Spawned::report.
struct ExecReport {
  enum class Kind { pending, executed, failed };
  Kind kind = Kind::pending;
  std::string step;  // failed only: "chdir", "execve", "setrlimit nofile", …, with a hint where the errno needs one
  int error = 0;
  std::vector<std::size_t> changed;  // those of SpawnPlan::files that have changed; reported before the rest
};

// Never blocks. End-of-file without a report means that execve succeeded (or that a signal ended the child before).
[[nodiscard]] ExecReport read_exec_report(int report);

}  // namespace preforkd
