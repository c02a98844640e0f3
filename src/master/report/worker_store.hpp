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

// Has systemd keep for the next master what it needs to continue with the workers: the image of the pool, the programs
// that its generations hold open, and the descriptors of each worker. As long as systemd has them, no worker sees the
// end of its control channel. systemd drops them when the service is stopped.
class WorkerStore {
 public:
  // `active`: this is a service of systemd, whose store is used; otherwise every call does nothing. Reads $FDSTORE,
  // which systemd sets from version 254 on: how many descriptors it keeps.
  WorkerStore(Notifier& notifier, bool active);

  [[nodiscard]] bool active() const noexcept { return active_; }

  // What an earlier master has stored, by name. Drops what is not `used`.
  void found(const std::vector<std::string>& names, const std::set<std::string>& used);
  // `number`: of this master. Drops the image of the one before.
  void keep_image(std::uint64_t number, int fd);
  // By generation. Drops others.
  void keep_programs(const std::map<unsigned, int>& programs);
  // What is found already is not stored again.
  void keep(WorkerId id, const std::vector<int>& descriptors);
  void drop(WorkerId id) { remove(name_of(id)); }
  // Nothing is left to the next master: when no worker is, or when it could not read the image.
  void clear();
  // Each as often as it has descriptors, as found() takes them.
  [[nodiscard]] std::vector<std::string> names() const;

  [[nodiscard]] static std::string name_of(WorkerId id);
  [[nodiscard]] static std::string name_of_program(unsigned generation);
  [[nodiscard]] static std::string name_of_image(std::uint64_t master);

 private:
  void store(const std::string& name, const std::vector<int>& descriptors);
  void remove(const std::string& name);
  [[nodiscard]] bool has_room(const std::string& name, std::size_t descriptors) const noexcept;

  Notifier& notifier_;
  const bool active_;
  const std::size_t max_descriptors_;
  std::map<std::string, std::size_t> stored_;  // the number of descriptors by name
  std::size_t descriptors_ = 0;                // of all names
  std::size_t name_bytes_ = 0;                 // each name counts for each of its descriptors
  bool told_full_ = false;
};

}  // namespace preforkd
