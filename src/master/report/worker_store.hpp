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
#include "master/succession/descriptor_name.hpp"

namespace preforkd {

// Has systemd keep for the next master what it needs to continue with the workers: the image of the pool, the programs
// that its generations hold open, and the descriptors of each worker. As long as systemd has them, no worker sees the
// end of its control channel. systemd drops them when the service is stopped.
class WorkerStore {
 public:
  // `active`: this is a service of systemd, whose store is used; otherwise every call does nothing. Reads $FDSTORE,
  // which systemd sets from version 254 on: how many descriptors it keeps.
  WorkerStore(Notifier& notifier, bool active);

  [[nodiscard]] bool active() const noexcept { return active_; }

  // What an earlier master has stored, maybe among others. Drops what is not `used`.
  void found(const std::vector<std::string>& names, const std::set<DescriptorName>& used);
  // `number`: of this master. Drops the image of the one before.
  void keep_image(std::uint64_t number, int fd);
  // By generation. Drops others.
  void keep_programs(const std::map<unsigned, int>& programs);
  // What is found already is not stored again.
  void keep(WorkerId id, const std::vector<int>& descriptors);
  void drop(WorkerId id) { remove(DescriptorName::of(id)); }
  // Nothing is left to the next master: when no worker is, or when it could not read the image.
  void clear();
  // Each as often as it has descriptors, as found() takes them.
  [[nodiscard]] std::vector<std::string> names() const;

 private:
  void store(const DescriptorName& name, const std::vector<int>& descriptors);
  void remove(const DescriptorName& name);
  [[nodiscard]] bool has_room(const DescriptorName& name, std::size_t descriptors) const;

  Notifier& notifier_;
  const bool active_;
  const std::size_t max_descriptors_;
  std::map<DescriptorName, std::size_t> stored_;  // how many descriptors each has
  std::size_t descriptors_ = 0;                   // of all names
  std::size_t name_bytes_ = 0;                    // each name counts for each of its descriptors
  bool told_full_ = false;
};

}  // namespace preforkd
