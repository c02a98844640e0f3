// SPDX-License-Identifier: MIT
#include "worker/base/watches.hpp"

#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "base/file_identity.hpp"

namespace prefork::internal {

struct Watches::Watch final : EventSource {
  Watch(Watches& owner_, std::uint64_t id_, int fd_, std::uint32_t events_,
        std::function<void(std::uint32_t)> callback_)
      : owner(owner_),
        id(id_),
        fd(fd_),
        file(preforkd::FileIdentity::of(fd_)),
        wanted(events_),
        callback(std::move(callback_)) {}

  void on_events(std::uint32_t ready) override {
    // Since this turn began, change() may have been called.
    const std::uint32_t events = ready & (wanted | EPOLLERR | EPOLLHUP);
    if (events == 0) return;
    // The callback may remove this watch, which is then destroyed at the end.
    Watches& watches = owner;
    watches.running_ = this;
    const std::exception_ptr error = ErrorPolicy::error_of([&] { callback(events); });
    if (error != nullptr) watches.remove(id);
    watches.running_ = nullptr;
    const std::unique_ptr<Watch> ended = std::move(watches.retired_);
    if (error != nullptr) watches.errors_.report("watch", error);
  }

  Watches& owner;
  std::uint64_t id;
  int fd;
  std::optional<preforkd::FileIdentity> file;
  std::uint32_t wanted;
  std::function<void(std::uint32_t)> callback;
};

Watches::Watches(EventLoop& loop, const ErrorPolicy& errors) : loop_(loop), errors_(errors) {}

Watches::~Watches() {
  for (const auto& [id, watch] : watches_) unregister(*watch);
}

std::uint64_t Watches::add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback) {
  const std::uint64_t id = last_id_ + 1;
  auto watch = std::make_unique<Watch>(*this, id, fd, events, std::move(callback));
  Watch& added = *watch;
  Watch*& newest = newest_[fd];
  const auto place = watches_.emplace(id, std::move(watch)).first;
  if (const int error = loop_.add(fd, events, added); error != 0) {
    watches_.erase(place);
    if (newest == nullptr) newest_.erase(fd);
    throw std::system_error(error, std::generic_category(), "watch");
  }
  newest = &added;
  return last_id_ = id;
}

void Watches::change(std::uint64_t id, std::uint32_t events) {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  Watch& watch = *found->second;
  const int error = owns_descriptor(watch) ? loop_.modify(watch.fd, events, watch) : EBADF;
  if (error != 0) throw std::system_error(error, std::generic_category(), "rewatch");
  watch.wanted = events;
}

void Watches::remove(std::uint64_t id) noexcept {
  const auto found = watches_.find(id);
  if (found == watches_.end()) return;
  std::unique_ptr<Watch> watch = std::move(found->second);
  watches_.erase(found);
  unregister(*watch);
  if (watch.get() == running_) retired_ = std::move(watch);
}

bool Watches::owns_descriptor(const Watch& watch) const noexcept {
  const auto newest = newest_.find(watch.fd);
  return newest != newest_.end() && newest->second == &watch &&
         preforkd::same_file(watch.file, preforkd::FileIdentity::of(watch.fd));
}

void Watches::unregister(Watch& watch) noexcept {
  loop_.remove(owns_descriptor(watch) ? watch.fd : -1, watch);  // -1: only takes its events out of this turn
  const auto newest = newest_.find(watch.fd);
  if (newest != newest_.end() && newest->second == &watch) newest_.erase(newest);
}

}  // namespace prefork::internal
