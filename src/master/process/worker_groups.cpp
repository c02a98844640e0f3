// SPDX-License-Identifier: MIT
#include "master/process/worker_groups.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/errors.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

Result<void> move_to(const std::string& path) {
  Result<GroupFolder> group = GroupFolder::make(path);
  if (!group && group.error().number != EEXIST) return Failure(group.error());
  const GroupFolder there(path);
  const std::vector<pid_t> members = there.processes();
  if (std::find(members.begin(), members.end(), getpid()) != members.end()) return {};  // DelegateSubgroup=
  return there.enter();
}

}  // namespace

WorkerGroups::WorkerGroups(const std::optional<std::string>& service) {
  if (!service) return;
  if (const Result<void> moved = move_to(*service + master_group); moved) {
    service_.emplace(*service);
  } else {
    log::warning("workers have no control groups of their own, only sessions: " + moved.error().text +
                 (moved.error().number == EROFS ? "; a service in another slice needs ReadWritePaths=" + *service
                                                : "; that needs Delegate=yes"));
  }
}

std::unique_ptr<WorkerGroup> WorkerGroups::make(WorkerId id) {
  if (!service_) return nullptr;
  std::erase_if(unremoved_, [](const GroupFolder& group) { return group.remove(); });
  const std::string path = service_->path() + "/w." + std::to_string(static_cast<std::uint64_t>(id));
  Result<GroupFolder> group = GroupFolder::make(path);
  for (int i = 2; !group && group.error().number == EEXIST && i < 100; ++i) {
    group = GroupFolder::make(path + '.' + std::to_string(i));
  }
  const bool told = std::exchange(told_, !group);
  if (!group && !told) log::warning("a worker gets no control group of its own: " + group.error().text);
  if (!group) return nullptr;
  return std::make_unique<WorkerGroup>(std::move(*group), unremoved_);
}

std::vector<GroupFolder> worker_groups_in(const GroupFolder& service) {
  std::vector<GroupFolder> groups = service.below();
  std::erase_if(groups, [](const GroupFolder& group) {
    return group.name().starts_with('.') || '/' + group.name() == master_group;
  });
  return groups;
}

}  // namespace preforkd
