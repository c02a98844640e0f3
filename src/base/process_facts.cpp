// SPDX-License-Identifier: MIT
#include "base/process_facts.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <span>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

std::string folder_of(pid_t pid) { return "/proc/" + std::to_string(pid) + '/'; }

// The start of /proc/PROCESS/NAME, as much as there is room for; empty if it cannot be read. Allocates no memory.
std::string_view read_start(const char* process, const char* name, std::span<char> room) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%s/%s", process, name);
  const UniqueFd file(::open(path.data(), O_RDONLY | O_CLOEXEC));
  const ssize_t size = file ? ::read(file.get(), room.data(), room.size()) : -1;
  return {room.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
}

std::string_view read_start(pid_t pid, const char* name, std::span<char> room) noexcept {
  std::array<char, 16> process{};
  std::snprintf(process.data(), process.size(), "%d", pid);
  return read_start(process.data(), name, room);
}

// /proc/PID/stat: "PID (NAME) STATE PPID PGRP SESSION …". NAME may contain blanks and brackets.
constexpr std::size_t max_stat = 2048;

// The fields from the third on, each behind a blank; empty if there is no name.
std::string_view after_name(std::string_view stat) noexcept {
  const std::size_t end = stat.rfind(')');
  return end == std::string_view::npos ? std::string_view() : stat.substr(end + 1);
}

// A field by its number in proc(5), which counts from 1; empty if there are fewer.
std::string_view stat_field(std::string_view stat, int number) noexcept {
  std::string_view rest = after_name(stat);
  for (int field = 3; !rest.empty() && rest.front() == ' '; ++field) {
    rest.remove_prefix(1);
    const std::size_t length = std::min(rest.find_first_of(" \n"), rest.size());
    if (field == number) return rest.substr(0, length);
    rest.remove_prefix(length);
  }
  return {};
}

template <class Number>
bool read_stat_field(std::string_view stat, int number, Number& value) noexcept {
  const std::string_view field = stat_field(stat, number);
  return std::from_chars(field.data(), field.data() + field.size(), value).ec == std::errc();
}

}  // namespace

std::string read_kernel_file(const std::string& path) {
  return read_kernel_file(UniqueFd(::open(path.c_str(), O_RDONLY | O_CLOEXEC)).get());
}

std::string read_kernel_file(int file) {
  std::string text;
  std::array<char, 4096> part;  // the kernel returns no more of these at once
  for (ssize_t size = 0; (size = ::pread(file, part.data(), part.size(), static_cast<off_t>(text.size()))) > 0;) {
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  return text;
}

void for_each_process(const std::function<bool(pid_t)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), ::closedir);
  if (!proc) return;
  while (const dirent* const entry = ::readdir(proc.get())) {
    const char* const name = static_cast<const char*>(entry->d_name);
    if (*name < '1' || *name > '9') continue;
    if (!visit(static_cast<pid_t>(std::strtol(name, nullptr, 10)))) return;
  }
}

void for_each_pid(std::string_view text, const std::function<void(pid_t)>& visit) {
  pid_t pid = 0;
  for (const char *next = text.data(), *const end = next + text.size(); next < end;) {
    const auto [behind, error] = std::from_chars(next, end, pid);
    if (error == std::errc()) visit(pid);
    next = behind + 1;
  }
}

std::vector<pid_t> children_of(pid_t pid) {
  std::vector<pid_t> children;
  const std::string threads = folder_of(pid) + "task";
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir(threads.c_str()), ::closedir);
  if (!all) return children;
  while (const dirent* const entry = ::readdir(all.get())) {
    if (entry->d_name[0] == '.') continue;
    const std::string text = read_kernel_file(threads + '/' + static_cast<const char*>(entry->d_name) + "/children");
    for_each_pid(text, [&](pid_t child) { children.push_back(child); });
  }
  return children;
}

void for_each_descriptor(pid_t pid, const std::function<bool(std::string_view)>& visit) {
  const std::unique_ptr<DIR, int (*)(DIR*)> all(::opendir((folder_of(pid) + "fd").c_str()), ::closedir);
  if (!all) return;
  while (const dirent* const entry = ::readdir(all.get())) {
    std::array<char, 64> target{};
    const ssize_t size =
        ::readlinkat(::dirfd(all.get()), static_cast<const char*>(entry->d_name), target.data(), target.size());
    if (size > 0 && !visit({target.data(), static_cast<std::size_t>(size)})) return;
  }
}

std::optional<ProcessStat> parse_process_stat(std::string_view text) {
  const std::size_t begin = text.find('(');
  const std::size_t end = text.rfind(')');
  if (begin == std::string_view::npos || end == std::string_view::npos || end < begin) return std::nullopt;
  ProcessStat stat;
  stat.name = text.substr(begin + 1, end - begin - 1);
  const std::string_view state = stat_field(text, 3);
  if (state.empty() || !read_stat_field(text, 5, stat.group) || !read_stat_field(text, 6, stat.session) ||
      !read_stat_field(text, 22, stat.started))
    return std::nullopt;
  stat.state = state.front();
  return stat;
}

std::uint64_t boot_ticks() noexcept {
  timespec now{};
  ::clock_gettime(CLOCK_BOOTTIME, &now);
  const auto per_second = static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  return static_cast<std::uint64_t>(now.tv_sec) * per_second +
         static_cast<std::uint64_t>(now.tv_nsec) * per_second / 1'000'000'000U;
}

std::optional<ProcessStat> process_stat(pid_t pid) {
  std::array<char, max_stat> room{};
  return parse_process_stat(read_start(pid, "stat", room));
}

std::optional<ArgumentAreas> own_argument_areas() noexcept {
  std::array<char, max_stat> room{};
  const std::string_view stat = read_start("self", "stat", room);
  ArgumentAreas areas;
  const bool shown = read_stat_field(stat, 48, areas.arg_start) && read_stat_field(stat, 49, areas.arg_end) &&
                     read_stat_field(stat, 50, areas.env_start) && read_stat_field(stat, 51, areas.env_end);
  if (!shown || areas.arg_start == 0 || areas.arg_start >= areas.arg_end) return std::nullopt;
  return areas;
}

std::optional<std::uintptr_t> own_heap_start() noexcept {
  std::array<char, max_stat> room{};
  std::uintptr_t start = 0;
  if (!read_stat_field(read_start("self", "stat", room), 47, start) || start == 0) return std::nullopt;
  return start;
}

std::optional<long> process_status_number(pid_t pid, std::string_view name, unsigned index) noexcept {
  std::array<char, 4096> room{};
  std::string_view text = read_start(pid, "status", std::span(room).first(room.size() - 1));
  while (!text.starts_with(name) || !text.substr(name.size()).starts_with(':')) {
    const std::size_t end = text.find('\n');
    if (end == std::string_view::npos) return std::nullopt;
    text.remove_prefix(end + 1);
  }
  const char* rest = text.data() + name.size() + 1;
  for (;; --index) {
    char* end = nullptr;
    const long number = std::strtol(rest, &end, 10);
    if (end == rest) return std::nullopt;
    if (index == 0) return number;
    rest = end;
  }
}

std::string program_name(pid_t pid) {
  std::string name = read_kernel_file(folder_of(pid) + "comm");
  if (name.ends_with('\n')) name.pop_back();
  return name;
}

std::string command_line(pid_t pid) {
  std::string line = read_kernel_file(folder_of(pid) + "cmdline");
  if (line.empty()) line = program_name(pid);
  while (!line.empty() && (line.back() == '\0' || line.back() == '\n' || line.back() == ' ')) line.pop_back();
  std::replace(line.begin(), line.end(), '\0', ' ');
  return line;
}

std::string environment_variable(pid_t pid, const std::string& name) {
  const std::string all = read_kernel_file(folder_of(pid) + "environ");
  const std::size_t at = ('\0' + all).find('\0' + name + '=');
  return at == std::string::npos ? "" : all.c_str() + at + name.size() + 1;
}

std::optional<std::uint64_t> own_memory(pid_t pid) noexcept {
  std::array<char, 256> text{};
  if (read_start(pid, "statm", std::span(text).first(text.size() - 1)).empty()) return std::nullopt;
  std::uint64_t resident = 0;
  std::uint64_t shared = 0;
  if (std::sscanf(text.data(), "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2 || shared > resident) {
    return std::nullopt;
  }
  return (resident - shared) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

std::optional<std::chrono::nanoseconds> cpu_time(pid_t pid) noexcept {
  clockid_t clock{};
  timespec spent{};
  if (pid <= 0 || ::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &spent) != 0) return std::nullopt;
  return std::chrono::seconds(spent.tv_sec) + std::chrono::nanoseconds(spent.tv_nsec);
}

std::chrono::microseconds own_cpu_time() noexcept {
  return std::chrono::duration_cast<std::chrono::microseconds>(
      cpu_time(::getpid()).value_or(std::chrono::nanoseconds(0)));
}

}  // namespace preforkd
