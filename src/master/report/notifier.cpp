// SPDX-License-Identifier: MIT
#include "master/report/notifier.hpp"

#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "base/address.hpp"

namespace preforkd {

Notifier::Notifier(EventLoop& loop) {
  const char* const path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@') || !parse_address(path)) return;
  path_ = path;
  socket_.reset(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return;
  // Connected, so that it polls writable when systemd's queue has room, too.
  static_cast<void>(connect());
  writable_ = loop.add_io(socket_.get(), EPOLLOUT, Priority::normal, [this](std::uint32_t) { flush(); });
  writable_.disarm();
  watchdog_ = loop.add_timer(Priority::watchdog, std::chrono::milliseconds(10), [this] { ping(); });
}

void Notifier::serve_watchdog() {
  std::uint64_t timeout_usec = 0;
  if (!connected() || sd_watchdog_enabled(0, &timeout_usec) <= 0) return;
  ping_interval_ = Duration(timeout_usec / 2);
  ping();
}

void Notifier::ping() {
  watchdog_.arm(SteadyClock().now() + ping_interval_);
  alive_ = true;
  flush();
}

void Notifier::ready(const std::string& status) {
  set_status(status);
  say("READY=1\n");
}

bool Notifier::status(const std::string& status) {
  if (!connected() || status == status_) return false;
  set_status(status);
  flush();
  return true;
}

void Notifier::reloading() {
  const auto now = SteadyClock().now().time_since_epoch();
  say("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.count()) + "\n");
}

void Notifier::extend_timeout(Duration by) {
  extended_until_ = SteadyClock().now() + by;
  flush();
}

void Notifier::stopping(const std::string& status) {
  set_status(status);
  say("STOPPING=1\n");
  stopping_ = true;
}

bool Notifier::store(const std::string& name, const std::vector<int>& descriptors) {
  if (!connected()) return false;
  StoreMessage message{"FDSTORE=1\nFDPOLL=0\nFDNAME=" + name, {}};
  for (const int fd : descriptors) {
    message.descriptors.emplace_back(fcntl(fd, F_DUPFD_CLOEXEC, 0));
    if (!message.descriptors.back()) return false;
  }
  store_.push_back(std::move(message));
  flush();
  return true;
}

void Notifier::remove_stored(const std::string& name) {
  if (!connected()) return;
  store_.push_back({"FDSTOREREMOVE=1\nFDNAME=" + name, {}});
  flush();
}

void Notifier::set_status(const std::string& status) {
  status_ = status;
  new_status_ = true;
}

void Notifier::say(std::string state) {
  if (!stopping_) state_ = std::move(state);
  flush();
}

void Notifier::flush() {
  const std::string message = unsent();
  if (!connected() || (message.empty() && store_.empty())) return;
  int error = flush_store();
  if (error == 0 && !message.empty()) error = send(message);
  if (error == EAGAIN) return writable_.enable();
  writable_.disarm();
  unreachable_ = error != 0;
  if (error != 0) return;  // the next message carries it
  state_.clear();
  new_status_ = false;
  extended_until_.reset();
  alive_ = false;
}

std::string Notifier::unsent() const {
  std::string message = state_;
  if (new_status_) message += "STATUS=" + status_ + "\n";
  if (extended_until_) {
    const Duration left = std::max(*extended_until_ - SteadyClock().now(), Duration{1});
    message += "EXTEND_TIMEOUT_USEC=" + std::to_string(left.count()) + "\n";
  }
  if (alive_) message += "WATCHDOG=1\n";
  if (!message.empty()) message.pop_back();
  return message;
}

int Notifier::flush_store() {
  while (!store_.empty()) {
    const int error = send(store_.front().text, store_.front().descriptors);
    if (error == EAGAIN) return error;
    store_.pop_front();  // what systemd rejects now it will reject later
  }
  return 0;
}

int Notifier::send(std::string_view message, const std::vector<UniqueFd>& descriptors) const noexcept {
  const int error = try_send(message, descriptors);
  // Another socket may be bound to the path by now.
  return (error == ECONNREFUSED || error == ENOTCONN) && connect() ? try_send(message, descriptors) : error;
}

int Notifier::try_send(std::string_view message, const std::vector<UniqueFd>& descriptors) const noexcept {
  constexpr std::size_t max_descriptors = 8;
  iovec part{const_cast<char*>(message.data()), message.size()};  // sendmsg does not write to it
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * max_descriptors)> control{};
  const std::size_t count = std::min(descriptors.size(), max_descriptors);
  if (count > 0) {
    header.msg_control = control.data();
    header.msg_controllen = CMSG_SPACE(sizeof(int) * count);
    cmsghdr* const rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int) * count);
    for (std::size_t i = 0; i < count; ++i) {
      const int fd = descriptors[i].get();
      std::memcpy(CMSG_DATA(rights) + i * sizeof fd, &fd, sizeof fd);
    }
  }
  return ::sendmsg(socket_.get(), &header, MSG_NOSIGNAL) < 0 ? errno : 0;
}

bool Notifier::connect() const noexcept {
  const Result<Address> address = parse_address(path_);
  return address && ::connect(socket_.get(), address->get(), address->length) == 0;
}

}  // namespace preforkd
