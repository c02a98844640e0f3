// SPDX-License-Identifier: MIT
#include "master/process/service_group.hpp"

#include <unistd.h>

#include <sstream>
#include <utility>

#include "base/control_group.hpp"
#include "base/process_facts.hpp"
#include "base/unit_names.hpp"

namespace preforkd {

std::optional<std::string> service_group(std::string_view membership, const std::string& mount, const std::string& pool,
                                         const char* exec_pid, pid_t self) {
  if (exec_pid == nullptr || exec_pid != std::to_string(self)) return std::nullopt;
  for (const ControlGroup& each : parse_control_groups(membership, mount)) {
    if (each.unified() && each.group.ends_with('/' + service_unit(pool))) return each.mount + each.group;
  }
  return std::nullopt;
}

std::vector<ProcessName> others_in_group(const std::string& directory) {
  std::vector<ProcessName> found;
  std::istringstream pids(read_kernel_file(directory + "/cgroup.procs"));
  for (pid_t pid = 0; pids >> pid;) {
    if (pid == getpid() || pid <= 0) continue;
    const std::optional<ProcessStat> stat = process_stat(pid);
    if (stat && !stat->lives()) continue;
    found.push_back({pid, stat ? stat->name : "?"});  // a sandbox may hide the name
  }
  return found;
}

std::vector<ProcessName> elders_in_group(const std::string& directory) {
  const std::optional<ProcessStat> own = process_stat(getpid());
  std::vector<ProcessName> found = others_in_group(directory);
  std::erase_if(found, [&](const ProcessName& each) {
    const std::optional<ProcessStat> stat = process_stat(each.pid);
    return !own || !stat || stat->started >= own->started;
  });
  return found;
}

}  // namespace preforkd
