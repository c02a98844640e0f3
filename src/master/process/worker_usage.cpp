// SPDX-License-Identifier: MIT
#include "master/process/worker_usage.hpp"

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/process_facts.hpp"

namespace preforkd {
namespace {

std::uint64_t memory_of(const GroupFolder& group, const std::vector<pid_t>& processes) {
  if (const auto all = group.number("memory.current")) {
    const std::uint64_t files = group.number("memory.stat", "file").value_or(0);
    return *all - std::min(files, *all);
  }
  std::uint64_t sum = 0;
  for (const pid_t pid : processes) sum += own_memory(pid).value_or(0);
  return sum;
}

Duration time_of(const timeval& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::microseconds(time.tv_usec);
}

}  // namespace

// memory.current no longer has what a process had that has ended.
LifetimeUsage lifetime_usage(const GroupFolder* group, const rusage& first) {
  LifetimeUsage used;
  const auto cpu = group == nullptr ? std::nullopt : group->number("cpu.stat", "usage_usec");
  used.cpu = cpu ? std::chrono::microseconds(*cpu) : time_of(first.ru_utime) + time_of(first.ru_stime);
  const auto peak = group == nullptr ? std::nullopt : group->number("memory.peak");
  used.max_memory = peak.value_or(static_cast<std::uint64_t>(first.ru_maxrss) * 1024);
  return used;
}

WorkerUsage usage_of(const GroupFolder& group) {
  WorkerUsage usage;
  const std::vector<pid_t> processes = group.processes();
  usage.memory = memory_of(group, processes);
  usage.cpu = std::chrono::microseconds(group.number("cpu.stat", "usage_usec").value_or(0));
  usage.processes = processes.size();
  usage.oom_kills = group.number("memory.events", "oom_kill");
  for (const char* const resource : {"cpu", "memory", "io"}) {
    if (const auto percent = group.pressure(resource)) usage.pressure[resource] = *percent;
  }
  return usage;
}

WorkerUsage usage_of(pid_t process) {
  WorkerUsage usage;
  usage.memory = own_memory(process).value_or(0);
  usage.cpu = std::chrono::duration_cast<Duration>(cpu_time(process).value_or(std::chrono::nanoseconds(0)));
  usage.processes = 1;
  return usage;
}

}  // namespace preforkd
