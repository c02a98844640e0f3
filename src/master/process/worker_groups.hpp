// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/group_folder.hpp"
#include "config/values/group_limit.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// The control group of one worker and of all that it starts. Removed with this object.
class WorkerGroup {
 public:
  // `unremoved` gets the group if it still has processes then; it must outlive this object.
  WorkerGroup(GroupFolder folder, std::vector<GroupFolder>& unremoved)
      : folder_(std::move(folder)), unremoved_(unremoved) {}
  WorkerGroup(const WorkerGroup&) = delete;
  WorkerGroup& operator=(const WorkerGroup&) = delete;
  ~WorkerGroup() {
    if (!folder_.remove()) unremoved_.push_back(folder_);
  }

  [[nodiscard]] const GroupFolder& folder() const noexcept { return folder_; }

 private:
  const GroupFolder folder_;
  std::vector<GroupFolder>& unremoved_;
};

// The control groups in a pool's service, which systemd has delegated to it (Delegate=yes):
//
//   SERVICE/master    this process. Only groups without processes of their own can have controllers for those below;
//                     if systemd has not put it there (DelegateSubgroup=, since 254), it could not restart the service
//                     with controllers, so there are none
//   SERVICE/w.ID      a worker, by its WorkerId; w.ID.2 if w.ID still has processes of an earlier master
//
// For a worker without one, its session does the same, less exactly: a process can leave it.
class WorkerGroups {
 public:
  // `service`: from service_group(); nullopt: there are no groups. `started_in_master_group`: from ProcessSetup; else
  // moves this process to SERVICE/master. If that fails there are none either, and the log says why.
  WorkerGroups(const std::optional<std::string>& service, bool started_in_master_group);
  [[nodiscard]] bool available() const noexcept { return service_.has_value(); }
  WorkerGroups(const WorkerGroups&) = delete;
  WorkerGroups& operator=(const WorkerGroups&) = delete;

  // A new group with these limits; null if there are none, or if it can't be made. The log says once that, and which
  // limits can't be set and why: that must not keep a worker from starting.
  [[nodiscard]] std::unique_ptr<WorkerGroup> make(WorkerId id, const std::vector<GroupLimit>& limits);
  // The group that an earlier master has made, by the name of its folder. Null if there is none.
  [[nodiscard]] std::unique_ptr<WorkerGroup> adopt(const std::string& name);
  // Its worker could not be adopted: end_abandoned() leaves it to others.
  void disown(const std::string& name) noexcept;
  // Kills what is still in the groups of workers that are gone: it was not found when they ended, because the master
  // was short of descriptors or of another resource. Their groups are removed when this is called again.
  void end_abandoned() noexcept;

 private:
  [[nodiscard]] std::unique_ptr<WorkerGroup> make(WorkerId id);
  [[nodiscard]] std::string remedy() const;
  [[nodiscard]] Result<void> set(const WorkerGroup* group, const GroupLimit& limit) const;

  std::optional<GroupFolder> service_;
  const bool may_have_controllers_;
  std::vector<GroupFolder> unremoved_;
  bool told_ = false;                       // that a group can't be made
  std::set<std::string_view> told_limits_;  // that can't be set
};

// For --check: what stands in the way of these limits, as far as it can be seen now. `of_unit`: the pool is a service.
// `mount`: of control groups.
[[nodiscard]] std::vector<std::string> doubts_about(const std::vector<GroupLimit>& limits, bool of_unit,
                                                    const std::string& mount);

// The groups directly below a service's, except that of the master and systemd's own (".control").
[[nodiscard]] std::vector<GroupFolder> worker_groups_in(const GroupFolder& service);

inline const std::string master_group = "/master";  // below the service's, also in systemd/preforkd@.service.in

}  // namespace preforkd
