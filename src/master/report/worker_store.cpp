// SPDX-License-Identifier: MIT
#include "master/report/worker_store.hpp"

#include <cstdlib>
#include <limits>
#include <utility>

#include "base/counted.hpp"
#include "base/whole_number.hpp"
#include "master/base/log.hpp"

namespace preforkd {
namespace {

// systemd passes the names in one environment variable, $LISTEN_FDNAMES, of at most 128 KiB (MAX_ARG_STRLEN in
// execve(2)). A start with more would fail. The rest is for sockets.
constexpr std::size_t max_name_bytes = std::size_t{100} * 1024;
constexpr std::size_t kept_for_sockets = 64;

using Kind = DescriptorName::Kind;

bool is_of_workers(Kind kind) noexcept { return kind == Kind::image || kind == Kind::worker || kind == Kind::program; }

// Each name is passed once for each descriptor, and followed by a colon.
std::size_t name_bytes(const DescriptorName& name, std::size_t descriptors) {
  return descriptors * (name.text().size() + 1);
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

void WorkerStore::found(const std::vector<std::string>& names, const std::set<DescriptorName>& used) {
  if (!active_) return;
  for (const std::string& text : names) {
    const auto name = DescriptorName::parse(text);
    if (!name || !is_of_workers(name->kind)) continue;
    ++stored_[*name];
    ++descriptors_;
    name_bytes_ += name_bytes(*name, 1);
  }
  for (const auto& [name, count] : std::map(stored_)) {
    if (!used.contains(name)) remove(name);
  }
}

void WorkerStore::keep_image(std::uint64_t number, int fd) {
  const DescriptorName own{Kind::image, number};
  if (stored_.contains(own)) return;
  store(own, {fd});
  if (!stored_.contains(own)) return;
  for (const auto& [name, count] : std::map(stored_)) {
    if (name.kind == Kind::image && name != own) remove(name);
  }
}

void WorkerStore::keep_programs(const std::map<unsigned, int>& programs) {
  for (const auto& [generation, fd] : programs) store({Kind::program, generation}, {fd});
  for (auto each = stored_.lower_bound({Kind::program, 0});
       each != stored_.end() && each->first.kind == Kind::program;) {
    const DescriptorName name = (each++)->first;
    if (!programs.contains(static_cast<unsigned>(name.number))) remove(name);
  }
}

void WorkerStore::keep(WorkerId id, const std::vector<int>& descriptors) {
  const DescriptorName name = DescriptorName::of(id);
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
  for (const auto& [name, count] : stored_) names.insert(names.end(), count, name.text());
  return names;
}

void WorkerStore::clear() {
  for (const auto& [name, count] : std::exchange(stored_, {})) notifier_.remove_stored(name.text());
  descriptors_ = name_bytes_ = 0;
}

bool WorkerStore::has_room(const DescriptorName& name, std::size_t descriptors) const {
  return descriptors_ + descriptors <= max_descriptors_ &&
         name_bytes_ + name_bytes(name, descriptors) <= max_name_bytes;
}

void WorkerStore::store(const DescriptorName& name, const std::vector<int>& descriptors) {
  if (!active_ || stored_.contains(name) || !notifier_.store(name.text(), descriptors)) return;
  stored_.emplace(name, descriptors.size());
  descriptors_ += descriptors.size();
  name_bytes_ += name_bytes(name, descriptors.size());
}

void WorkerStore::remove(const DescriptorName& name) {
  const auto known = stored_.find(name);
  if (known == stored_.end()) return;
  descriptors_ -= known->second;
  name_bytes_ -= name_bytes(name, known->second);
  notifier_.remove_stored(name.text());
  stored_.erase(known);
}

}  // namespace preforkd
