// SPDX-License-Identifier: MIT
#include "master/process/worker_groups.hpp"

#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "base/apply_command.hpp"
#include "base/errors.hpp"
#include "base/process_facts.hpp"
#include "base/split.hpp"
#include "base/unit_names.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

Result<void> move_to(const GroupFolder& group) {
  const Result<GroupFolder> made = GroupFolder::make(group.path());
  if (!made && made.error().number != EEXIST) return Failure(made.error());
  return group.enter();
}

Result<void> enable(const GroupFolder& service, std::string_view controller) {
  return service.set("cgroup.subtree_control", '+' + std::string(controller));
}

// systemd marks the group of a service that survives a soft reboot (SurviveFinalKillSignal=), but it spares only the
// processes of marked groups, not those of groups below.
void copy_survival(const GroupFolder& from, const GroupFolder& to) {
  constexpr const char* mark = "user.survive_final_kill_signal";
  std::array<char, 16> value{};
  const ssize_t size = getxattr(from.path().c_str(), mark, value.data(), value.size());
  if (size > 0) static_cast<void>(setxattr(to.path().c_str(), mark, value.data(), static_cast<std::size_t>(size), 0));
}

constexpr const char* group_prefix = "w.";
constexpr const char* needs_subgroup = "that needs systemd 254 or later (DelegateSubgroup=)";

}  // namespace

WorkerGroups::WorkerGroups(const std::optional<std::string>& service, bool started_in_master_group)
    : may_have_controllers_(started_in_master_group) {
  if (!service) return;
  const GroupFolder own(*service + master_group);
  if (const Result<void> moved = may_have_controllers_ ? Result<void>() : move_to(own); moved) {
    service_.emplace(*service);
    copy_survival(*service_, own);
  } else {
    log::warning("workers have no control groups of their own, only sessions: " + moved.error().text +
                 (moved.error().number == EROFS ? "; a service in another slice needs ReadWritePaths=" + *service
                                                : "; that needs Delegate=yes"));
  }
  if (!may_have_controllers_) return;
  // Without a limit they still tell how much memory a worker uses, and which worker the OOM killer has ended.
  for (const char* const controller : {"memory", "pids"}) static_cast<void>(enable(*service_, controller));
}

std::unique_ptr<WorkerGroup> WorkerGroups::make(WorkerId id, const std::vector<GroupLimit>& limits) {
  std::unique_ptr<WorkerGroup> group = make(id);
  for (const GroupLimit& limit : limits) {
    const Result<void> done = set(group.get(), limit);
    if (done) {
      told_limits_.erase(limit.name.key);
    } else if (told_limits_.insert(limit.name.key).second) {
      log::warning(std::string(limit.name.key) + " has no effect: " + done.error().text);
    }
  }
  return group;
}

Result<void> WorkerGroups::set(const WorkerGroup* group, const GroupLimit& limit) const {
  if (group == nullptr) return Failure("the workers have no control groups of their own");
  if (!may_have_controllers_) return Failure(needs_subgroup);
  Result<void> done = group->folder().set(limit.name.file, limit.value);
  if (done || done.error().number != ENOENT) return done;
  if (const Result<void> enabled = enable(*service_, limit.name.controller); !enabled)
    return Failure("the service has no " + std::string(limit.name.controller) + " controller: " + enabled.error().text +
                   remedy());
  return group->folder().set(limit.name.file, limit.value);
}

// The generator writes Delegate= for what the config needs.
std::string WorkerGroups::remedy() const {
  const std::string unit = service_->name();
  const std::optional<std::string_view> pool = pool_of_unit(unit);
  return pool ? "; if the config is newer than its units: " + apply_command(std::string(*pool)) : "";
}

std::unique_ptr<WorkerGroup> WorkerGroups::make(WorkerId id) {
  if (!service_) return nullptr;
  end_abandoned();
  const std::string path = service_->path() + '/' + group_prefix + std::to_string(static_cast<std::uint64_t>(id));
  Result<GroupFolder> group = GroupFolder::make(path);
  for (int i = 2; !group && group.error().number == EEXIST && i < 100; ++i) {
    group = GroupFolder::make(path + '.' + std::to_string(i));
  }
  const bool told = std::exchange(told_, !group);
  if (!group && !told) log::warning("a worker gets no control group of its own: " + group.error().text);
  if (!group) return nullptr;
  copy_survival(*service_, *group);
  return std::make_unique<WorkerGroup>(std::move(*group), unremoved_);
}

void WorkerGroups::end_abandoned() noexcept {
  std::erase_if(unremoved_, [](const GroupFolder& group) {
    group.kill();
    return group.remove();
  });
}

void WorkerGroups::disown(const std::string& name) noexcept {
  std::erase_if(unremoved_, [&name](const GroupFolder& group) { return group.path().ends_with('/' + name); });
}

std::unique_ptr<WorkerGroup> WorkerGroups::adopt(const std::string& name) {
  if (!service_ || !name.starts_with(group_prefix) || name.find('/') != std::string::npos) return nullptr;
  GroupFolder group(service_->path() + '/' + name);
  if (!group.entrance()) return nullptr;
  return std::make_unique<WorkerGroup>(std::move(group), unremoved_);
}

std::vector<std::string> doubts_about(const std::vector<GroupLimit>& limits, bool of_unit, const std::string& mount) {
  std::string text = read_kernel_file(mount + "/cgroup.controllers");
  std::replace(text.begin(), text.end(), '\n', ' ');
  const std::vector<std::string_view> controllers = split(text, ' ');
  std::vector<std::string> doubts;
  for (const GroupLimit& limit : limits) {
    const std::string controller(limit.name.controller);
    std::string why;
    if (!of_unit) {
      why = "only a service of systemd has control groups for its workers";
    } else if (text.empty()) {
      why = "this machine does not use version 2 of control groups";
    } else if (std::find(controllers.begin(), controllers.end(), controller) == controllers.end()) {
      why = "the kernel has no " + controller + " controller in version 2 of control groups";
    } else if (!PREFORKD_DELEGATE_SUBGROUP) {
      why = needs_subgroup;
    }
    if (!why.empty()) doubts.push_back(std::string(limit.name.key) + " will have no effect: " + why);
  }
  return doubts;
}

std::vector<GroupFolder> worker_groups_in(const GroupFolder& service) {
  std::vector<GroupFolder> groups = service.below();
  std::erase_if(groups, [](const GroupFolder& group) {
    return group.name().starts_with('.') || '/' + group.name() == master_group;
  });
  return groups;
}

}  // namespace preforkd
