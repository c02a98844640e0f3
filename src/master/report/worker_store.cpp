// SPDX-License-Identifier: MIT
#include "master/report/worker_store.hpp"

#include <algorithm>
#include <utility>

#include "master/base/log.hpp"
#include "master/succession/inherited_descriptors.hpp"

namespace preforkd {
namespace {

// systemd passes the names in one environment variable, $LISTEN_FDNAMES, of at most 128 KiB (MAX_ARG_STRLEN in
// execve(2)). A start with more would fail.
constexpr std::size_t max_name_bytes = 100 * 1024;

std::string name_of(std::string_view prefix, std::uint64_t number) {
  return std::string(prefix) + std::to_string(number);
}

std::string name_of(WorkerId id) { return name_of(worker_prefix, static_cast<std::uint64_t>(id)); }

}  // namespace

void WorkerStore::keep_image(std::uint64_t number, int fd) {
  store(name_of(image_prefix, number), {fd});
  if (number > 1 && active_) notifier_.remove_stored(name_of(image_prefix, number - 1));
}

void WorkerStore::keep_programs(const std::map<unsigned, int>& programs) {
  if (programs == programs_) return;
  for (const auto& [generation, fd] : programs) {
    if (!programs_.contains(generation)) store(name_of(program_prefix, generation), {fd});
  }
  for (const auto& [generation, fd] : programs_) {
    if (!programs.contains(generation)) remove(name_of(program_prefix, generation));
  }
  programs_ = programs;
}

void WorkerStore::found(WorkerId id) {
  constexpr std::size_t each_has = 3;
  if (!active_) return;
  stored_.insert(name_of(id));
  name_bytes_ += each_has * (name_of(id).size() + 1);
}

void WorkerStore::keep(WorkerId id, const std::vector<int>& descriptors) {
  const std::string name = name_of(id);
  if (stored_.contains(name)) return;
  if (name_bytes_ + descriptors.size() * (name.size() + 1) <= max_name_bytes) return store(name, descriptors);
  if (active_ && !std::exchange(told_full_, true))
    log::warning(
        "systemd cannot keep more descriptors of workers (LISTEN_FDNAMES would exceed 128 KiB): if the master "
        "dies, worker processes beyond " +
        std::to_string(stored_.size()) + " finish their requests and end");
}

void WorkerStore::drop(WorkerId id) { remove(name_of(id)); }

void WorkerStore::clear() {
  for (const std::string& name : std::exchange(stored_, {})) notifier_.remove_stored(name);
  programs_.clear();
  name_bytes_ = 0;
}

void WorkerStore::store(const std::string& name, const std::vector<int>& descriptors) {
  if (!active_ || !stored_.insert(name).second) return;
  name_bytes_ += descriptors.size() * (name.size() + 1);
  notifier_.store(name, descriptors);
}

void WorkerStore::remove(const std::string& name) {
  constexpr std::size_t each_has = 3;
  if (stored_.erase(name) == 0) return;
  name_bytes_ -= std::min(name_bytes_, each_has * (name.size() + 1));
  notifier_.remove_stored(name);
}

}  // namespace preforkd
