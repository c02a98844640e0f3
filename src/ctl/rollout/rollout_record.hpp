// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "ctl/rollout/rollout.hpp"

namespace preforkd::ctl {

// What is known of rollouts of a pool that did not end, in $XDG_STATE_HOME/preforkctl/rollout-POOL.json, with
// ~/.local/state by default. It also has the hosts of other rollouts of a pool of the same name.
class RolloutRecord {
 public:
  // Reads it; if the rollout acts, it holds a lock as long as it lives. A file that is missing or damaged, and one of
  // another kind of rollout as far as hosts are done, is empty. Throws ExitError if there is no place for it, or
  // another process holds the lock.
  RolloutRecord(const std::string& pool, bool upgrade, bool acts);

  [[nodiscard]] const HostRecords& hosts() const noexcept { return hosts_; }

  // Both write it at once; false if that fails: a next rollout cannot continue this one.
  [[nodiscard]] bool set(const std::string& host, const HostRecord& record);
  [[nodiscard]] bool forget(const std::vector<std::string>& hosts);

 private:
  void lock();
  void read();
  [[nodiscard]] bool write() const;

  std::string path_;
  UniqueFd lock_;
  std::string action_;
  HostRecords hosts_;
};

}  // namespace preforkd::ctl
