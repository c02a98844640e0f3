// SPDX-License-Identifier: MIT
#include "worker/base/watches.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace prefork::internal {

struct Watches::Watch final : EventSource {
  Watch(Watches& owner_, std::uint64_t id_, int fd_, std::function<void(std::uint32_t)> callback_)
      : owner(owner_), id(id_), fd(fd_), callback(std::move(callback_)) {}

  void on_events(std::uint32_t events) override {
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
  std::function<void(std::uint32_t)> callback;
};

Watches::Watches(EventLoop& loop, const ErrorPolicy& errors) : loop_(loop), errors_(errors) {}

Watches::~Watches() {
  for (const std::unique_ptr<Watch>& watch : watches_) loop_.remove(watch->fd, *watch);
}

std::uint64_t Watches::add(int fd, std::uint32_t events, std::function<void(std::uint32_t)> callback) {
  auto watch = std::make_unique<Watch>(*this, last_id_ + 1, fd, std::move(callback));
  EventSource& source = *watch;
  watches_.push_back(std::move(watch));
  if (const int error = loop_.add(fd, events, source); error != 0) {
    watches_.pop_back();
    throw std::system_error(error, std::generic_category(), "watch");
  }
  return ++last_id_;
}

void Watches::remove(std::uint64_t id) noexcept {
  const auto found =
      std::find_if(watches_.begin(), watches_.end(), [id](const auto& watch) { return watch->id == id; });
  if (found == watches_.end()) return;
  std::unique_ptr<Watch> watch = std::move(*found);
  watches_.erase(found);
  loop_.remove(watch->fd, *watch);
  if (watch.get() == running_) retired_ = std::move(watch);
}

}  // namespace prefork::internal
