// SPDX-License-Identifier: MIT
#include "master/process/notify_inbox.hpp"

#include <utility>
#include <variant>

#include "master/process/flood_limit.hpp"

namespace preforkd {

struct NotifyInbox::Ear {
  explicit Ear(std::string path) : socket(std::move(path)) {}
  Ear(std::string path, UniqueFd bound) : socket(std::move(path), std::move(bound)) {}

  NotifySocket socket;
  EventSource source;
  FloodLimit limit;
};

NotifyInbox::NotifyInbox(EventLoop& loop, std::string path, Take take)
    : loop_(loop), take_(std::move(take)), ear_(listen(std::make_unique<Ear>(std::move(path)))) {}

NotifyInbox::NotifyInbox(EventLoop& loop, std::string path, UniqueFd bound, Take take)
    : loop_(loop), take_(std::move(take)), ear_(listen(std::make_unique<Ear>(std::move(path), std::move(bound)))) {}

NotifyInbox::~NotifyInbox() = default;

const std::string& NotifyInbox::path() const noexcept { return ear_->socket.path(); }

int NotifyInbox::fd() const noexcept { return ear_->socket.fd(); }

bool NotifyInbox::is_reachable() const noexcept { return ear_->socket.is_reachable(); }

void NotifyInbox::renew() {
  std::unique_ptr<Ear> ear = listen(std::make_unique<Ear>(path()));
  former_ear_ = std::exchange(ear_, std::move(ear));
}

std::unique_ptr<NotifyInbox::Ear> NotifyInbox::listen(std::unique_ptr<Ear> ear) {
  ear->source =
      loop_.add_io(ear->socket.fd(), FloodLimit::events, Priority::worker_message,
                   [this, &ear = *ear](std::uint32_t) { ear.limit.turn(ear.source, [&] { return take_one(ear); }); });
  FloodLimit::apply(ear->source);
  return ear;
}

bool NotifyInbox::take_one(Ear& ear) {
  const NotifySocket::Received received = ear.socket.receive();
  if (std::holds_alternative<NotifySocket::Nothing>(received)) return false;
  take_(received);
  return true;
}

void NotifyInbox::close() {
  for (Ear* const ear : {former_ear_.get(), ear_.get()}) {
    if (ear == nullptr) continue;
    FloodLimit::take_last([&] { return take_one(*ear); });
    ear->source = EventSource();
  }
}

}  // namespace preforkd
