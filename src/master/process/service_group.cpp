// SPDX-License-Identifier: MIT
#include "master/process/service_group.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "base/control_group.hpp"
#include "base/process_facts.hpp"
#include "base/unit_names.hpp"
#include "master/process/worker_groups.hpp"

namespace preforkd {
namespace {

std::set<pid_t> numbers_in(const std::vector<GroupFolder>& groups) {
  std::set<pid_t> numbers;
  for (const GroupFolder& group : groups) {
    for (const pid_t pid : group.processes()) numbers.insert(pid);
  }
  return numbers;
}

std::vector<GroupFolder> groups_of(const std::vector<WorkerParts>& workers, const GroupFolder& service) {
  std::vector<GroupFolder> groups;
  for (const WorkerParts& worker : workers) {
    if (!worker.group.empty()) groups.emplace_back(service.path() + '/' + worker.group);
  }
  return groups;
}

// As left_of_worker() has it, for workers without a group.
bool is_of_session(const std::vector<WorkerParts>& workers, pid_t pid) {
  const auto any = [&workers](auto is_its) {
    return std::any_of(workers.begin(), workers.end(),
                       [&](const WorkerParts& each) { return each.group.empty() && is_its(each); });
  };
  const pid_t session = getsid(pid);
  if (any([&](const WorkerParts& each) { return each.pid == session; })) return true;
  const std::string path = environment_variable(pid, "NOTIFY_SOCKET");
  return any([&](const WorkerParts& each) { return each.notify_path == path; });
}

}  // namespace

std::optional<std::string> service_group(std::string_view membership, const std::string& mount, const std::string& pool,
                                         const char* exec_pid, pid_t self) {
  if (exec_pid == nullptr || exec_pid != std::to_string(self)) return std::nullopt;
  for (const ControlGroup& each : parse_control_groups(membership, mount)) {
    std::string group = each.group;
    if (group.ends_with(master_group)) group.resize(group.size() - master_group.size());
    if (each.unified() && group.ends_with('/' + service_unit(pool))) return each.mount + group;
  }
  return std::nullopt;
}

bool is_in_master_group(std::string_view membership) {
  const std::vector<ControlGroup> groups = parse_control_groups(membership, "");
  return std::any_of(groups.begin(), groups.end(), [](const ControlGroup& each) {
    return each.unified() && each.group.ends_with(".service" + master_group);
  });
}

std::vector<ProcessName> others_in_service(const GroupFolder& service) {
  const std::set<pid_t> of_systemd = numbers_in({GroupFolder(service.path() + "/.control")});
  std::vector<ProcessName> found = processes_of(service);
  std::erase_if(found, [&](const ProcessName& each) { return each.pid == getpid() || of_systemd.contains(each.pid); });
  return found;
}

std::vector<ProcessName> elders_in_service(const GroupFolder& service, const std::vector<GroupFolder>& earlier,
                                           const std::vector<WorkerParts>& adopted) {
  const std::set<pid_t> left = numbers_in(earlier);
  const std::set<pid_t> kept = numbers_in(groups_of(adopted, service));
  const std::optional<ProcessStat> own = process_stat(getpid());
  std::vector<ProcessName> found = others_in_service(service);
  std::erase_if(found, [&](const ProcessName& each) {
    if (kept.contains(each.pid) || is_of_session(adopted, each.pid)) return true;
    if (left.contains(each.pid)) return false;
    const std::optional<ProcessStat> stat = process_stat(each.pid);
    return !own || !stat || stat->started >= own->started;
  });
  return found;
}

}  // namespace preforkd
