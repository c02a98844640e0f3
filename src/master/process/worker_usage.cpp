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

}  // namespace

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
