// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

// What the kernel reports about processes, in /proc (proc(5)) or by a system call. A process may end at any time, and a
// sandbox may hide it: every function then returns nullopt or nothing.
namespace preforkd {

// The contents of a file in /proc or /sys/fs/cgroup, which do not report their size; empty if it cannot be read.
[[nodiscard]] std::string read_kernel_file(const std::string& path);
// The same of an open one, from its start.
[[nodiscard]] std::string read_kernel_file(int file);

// Calls `visit` with the number of each process, until it returns false.
void for_each_process(const std::function<bool(pid_t)>& visit);

// Calls `visit` with each number of a list, with one character behind each: that of /proc/PID/task/PID/children has
// blanks, cgroup.procs of a control group has newlines.
void for_each_pid(std::string_view text, const std::function<void(pid_t)>& visit);

// Those that this process has started or inherited, zombies included.
[[nodiscard]] std::vector<pid_t> children_of(pid_t pid);

// Calls `visit` with what each descriptor of a process leads to ("socket:[4711]", "/dev/null"), until it returns false.
// Only the first bytes of a long path.
void for_each_descriptor(pid_t pid, const std::function<bool(std::string_view)>& visit);

// From /proc/PID/stat.
struct ProcessStat {
  std::string name;  // the program's, as ps shows it: any bytes
  char state = 'X';
  pid_t group = 0;
  pid_t session = 0;
  std::uint64_t started = 0;  // ticks since the machine was booted

  // A zombie holds no resources, and not every PID 1 of a container reaps the zombies that it inherits.
  [[nodiscard]] bool lives() const noexcept { return state != 'Z' && state != 'X'; }
};
[[nodiscard]] std::optional<ProcessStat> parse_process_stat(std::string_view text);
[[nodiscard]] std::optional<ProcessStat> process_stat(pid_t pid);
// Now, as ProcessStat::started has it.
[[nodiscard]] std::uint64_t boot_ticks() noexcept;

// Where the strings of this process's arguments and environment are in its memory; from /proc/self/stat, where the
// kernel may hide them.
struct ArgumentAreas {
  std::uintptr_t arg_start = 0;
  std::uintptr_t arg_end = 0;
  std::uintptr_t env_start = 0;
  std::uintptr_t env_end = 0;
};
[[nodiscard]] std::optional<ArgumentAreas> own_argument_areas() noexcept;
// Where this process's heap begins, which ends at sbrk(0).
[[nodiscard]] std::optional<std::uintptr_t> own_heap_start() noexcept;

// The `index`-th number, from 0, after "NAME:" in /proc/PID/status.
[[nodiscard]] std::optional<long> process_status_number(pid_t pid, std::string_view name, unsigned index = 0) noexcept;

// The name of its program, as ps shows it: any bytes.
[[nodiscard]] std::string program_name(pid_t pid);

// The arguments, separated by blanks, or the title that the process has set; the program's name if it has neither.
[[nodiscard]] std::string command_line(pid_t pid);

// A variable of the environment that the process was started with; empty if it is not set.
[[nodiscard]] std::string environment_variable(pid_t pid, const std::string& name);

// Bytes of RAM of the process alone: resident, without the pages of files and shared memory, which a pool's workers
// share. A leak makes it grow.
[[nodiscard]] std::optional<std::uint64_t> own_memory(pid_t pid) noexcept;

// Processor time, user and system, of all threads. One system call (clock_getcpuclockid(3)) instead of a file of /proc.
[[nodiscard]] std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) noexcept;
// That of this process, in whole microseconds.
[[nodiscard]] std::chrono::microseconds own_cpu_time() noexcept;

}  // namespace preforkd
