// SPDX-License-Identifier: MIT
#include "master/process/notify_inbox.hpp"

#include <sys/epoll.h>

#include <chrono>
#include <utility>
#include <variant>

namespace preforkd {
namespace {

constexpr auto rate_interval = std::chrono::milliseconds(100);
constexpr unsigned messages_a_turn = 16;
constexpr unsigned flood = 16;  // messages in an interval; a sound program never sends so many
constexpr unsigned turns_of_a_sound_one = 10;
constexpr unsigned turns_of_a_flooder = 1;
// A dead worker's queue holds at most net.unix.max_dgram_qlen messages, but a child of it may continue to send.
constexpr unsigned last_messages = 1024;

}  // namespace

struct NotifyInbox::Ear {
  explicit Ear(std::string path) : socket(std::move(path)) {}

  NotifySocket socket;
  EventSource source;
  Instant interval_began{};
  unsigned taken = 0;  // in this interval
  bool floods = false;
};

NotifyInbox::NotifyInbox(EventLoop& loop, std::string path, Take take)
    : loop_(loop), take_(std::move(take)), ear_(listen(std::move(path))) {}

NotifyInbox::~NotifyInbox() = default;

const std::string& NotifyInbox::path() const noexcept { return ear_->socket.path(); }

bool NotifyInbox::is_reachable() const noexcept { return ear_->socket.is_reachable(); }

void NotifyInbox::renew() {
  std::unique_ptr<Ear> ear = listen(path());
  former_ear_ = std::exchange(ear_, std::move(ear));
}

std::unique_ptr<NotifyInbox::Ear> NotifyInbox::listen(std::string path) {
  auto ear = std::make_unique<Ear>(std::move(path));
  ear->source = loop_.add_io(ear->socket.fd(), EPOLLIN, Priority::worker_message,
                             [this, &ear = *ear](std::uint32_t) { on_readable(ear); });
  ear->source.limit_rate(rate_interval, turns_of_a_sound_one);
  return ear;
}

void NotifyInbox::on_readable(Ear& ear) {
  const Instant now = SteadyClock().now();
  bool floods = ear.floods;
  if (now - ear.interval_began >= rate_interval) {
    floods = ear.taken >= flood;
    ear.taken = 0;
    ear.interval_began = now;
  }
  for (unsigned i = 0; i < messages_a_turn && take_one(ear); ++i) ++ear.taken;
  floods = floods || ear.taken >= flood;
  if (floods == std::exchange(ear.floods, floods)) return;
  ear.source.set_priority(floods ? Priority::flood : Priority::worker_message);
  ear.source.limit_rate(rate_interval, floods ? turns_of_a_flooder : turns_of_a_sound_one);
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
    for (unsigned i = 0; i < last_messages && take_one(*ear); ++i) continue;
    ear->source = EventSource();
  }
}

}  // namespace preforkd
