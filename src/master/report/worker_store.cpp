// SPDX-License-Identifier: MIT
#include "master/report/worker_store.hpp"

#include <cstdlib>
#include <limits>
#include <utility>

#include "base/counted.hpp"
#include "base/whole_number.hpp"
#include "master/base/log.hpp"
#include "master/succession/inherited_descriptors.hpp"

namespace preforkd {
namespace {

// systemd passes the names in one environment variable, $LISTEN_FDNAMES, of at most 128 KiB (MAX_ARG_STRLEN in
// execve(2)). A start with more would fail. The rest is for sockets.
constexpr std::size_t max_name_bytes = std::size_t{100} * 1024;
constexpr std::size_t kept_for_sockets = 64;

std::string numbered(std::string_view prefix, std::uint64_t number) {
  return std::string(prefix) + std::to_string(number);
}

std::size_t max_descriptors() {
  const char* const given = std::getenv("FDSTORE");
  const auto max = given == nullptr ? std::nullopt : whole_number<std::size_t>(given);
  if (!max) return std::numeric_limits<std::size_t>::max();
  return *max > kept_for_sockets ? *max - kept_for_sockets : 0;
}

}  // namespace

WorkerStore::WorkerStore(Notifier& notifier, bool active)
    : notifier_(notifier), active_(active && notifier.connected()), max_descriptors_(max_descriptors()) {}

std::string WorkerStore::name_of(WorkerId id) { return numbered(worker_prefix, static_cast<std::uint64_t>(id)); }
std::string WorkerStore::name_of_program(unsigned generation) { return numbered(program_prefix, generation); }
std::string WorkerStore::name_of_image(std::uint64_t master) { return numbered(image_prefix, master); }

void WorkerStore::found(const std::vector<std::string>& names, const std::set<std::string>& used) {
  if (!active_) return;
  for (const std::string& name : names) {
    ++stored_[name];
    ++descriptors_;
    name_bytes_ += name.size() + 1;
  }
  for (const auto& [name, count] : std::map(stored_)) {
    if (!used.contains(name)) remove(name);
  }
}

void WorkerStore::keep_image(std::uint64_t number, int fd) {
  const std::string own = name_of_image(number);
  if (stored_.contains(own)) return;
  store(own, {fd});
  if (!stored_.contains(own)) return;
  for (const auto& [name, count] : std::map(stored_)) {
    if (name.starts_with(image_prefix) && name != own) remove(name);
  }
}

void WorkerStore::keep_programs(const std::map<unsigned, int>& programs) {
  for (const auto& [generation, fd] : programs) store(name_of_program(generation), {fd});
  for (auto each = stored_.lower_bound(std::string(program_prefix));
       each != stored_.end() && each->first.starts_with(program_prefix);) {
    const std::string name = (each++)->first;
    const auto generation = whole_number<unsigned>(std::string_view(name).substr(program_prefix.size()));
    if (!generation || !programs.contains(*generation)) remove(name);
  }
}

void WorkerStore::keep(WorkerId id, const std::vector<int>& descriptors) {
  const std::string name = name_of(id);
  if (!active_ || stored_.contains(name)) return;
  if (has_room(name, descriptors.size())) return store(name, descriptors);
  if (!std::exchange(told_full_, true))
    log::warning(
        "systemd keeps no more than " + counted(descriptors_, "descriptor") +
        " for the next preforkd (FileDescriptorStoreMax=, 100 KiB of names): if this one dies, further workers "
        "finish their requests and end");
}

std::vector<std::string> WorkerStore::names() const {
  std::vector<std::string> names;
  for (const auto& [name, count] : stored_) names.insert(names.end(), count, name);
  return names;
}

void WorkerStore::clear() {
  for (const auto& [name, count] : std::exchange(stored_, {})) notifier_.remove_stored(name);
  descriptors_ = name_bytes_ = 0;
}

bool WorkerStore::has_room(const std::string& name, std::size_t descriptors) const noexcept {
  return descriptors_ + descriptors <= max_descriptors_ &&
         name_bytes_ + descriptors * (name.size() + 1) <= max_name_bytes;
}

void WorkerStore::store(const std::string& name, const std::vector<int>& descriptors) {
  if (!active_ || stored_.contains(name) || !notifier_.store(name, descriptors)) return;
  stored_.emplace(name, descriptors.size());
  descriptors_ += descriptors.size();
  name_bytes_ += descriptors.size() * (name.size() + 1);
}

void WorkerStore::remove(const std::string& name) {
  const auto known = stored_.find(name);
  if (known == stored_.end()) return;
  descriptors_ -= known->second;
  name_bytes_ -= known->second * (name.size() + 1);
  notifier_.remove_stored(name);
  stored_.erase(known);
}

}  // namespace preforkd
