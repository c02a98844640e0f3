// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "master/pool/worker_types.hpp"
#include "master/report/notifier.hpp"

namespace preforkd {

// Has systemd keep for the next master what it needs to go on with the workers: the image of the pool, the programs
// that its generations hold open, and the descriptors of each worker. As long as systemd has them, no worker sees the
// end of its control channel. systemd drops them when the service is stopped.
class WorkerStore {
 public:
  // `active`: this is a service of systemd, whose store is used; otherwise every call does nothing.
  WorkerStore(Notifier& notifier, bool active) : notifier_(notifier), active_(active && notifier.connected()) {}

  [[nodiscard]] bool active() const noexcept { return active_; }

  // `number`: of this master. The image of the one before can be dropped.
  void keep_image(std::uint64_t number, int fd);
  // By generation. Others are dropped.
  void keep_programs(const std::map<unsigned, int>& programs);
  // What an earlier master has stored of it.
  void found(WorkerId id);
  void keep(WorkerId id, const std::vector<int>& descriptors);
  void drop(WorkerId id);
  // Nothing is left to the next master.
  void clear();

 private:
  void store(const std::string& name, const std::vector<int>& descriptors);
  void remove(const std::string& name);

  Notifier& notifier_;
  const bool active_;
  std::set<WorkerId> workers_;
  std::map<unsigned, int> programs_;
  std::set<std::string> stored_;
  std::size_t name_bytes_ = 0;  // of all descriptors that are stored
  bool told_full_ = false;
};

}  // namespace preforkd
