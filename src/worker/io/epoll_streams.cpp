// SPDX-License-Identifier: MIT
#include "worker/io/epoll_streams.hpp"

#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <utility>

#include "worker/base/forks.hpp"

namespace prefork::internal {

namespace {

constexpr std::uint32_t input_events = EPOLLIN | EPOLLPRI | EPOLLRDHUP | EPOLLET;
// Clients that send much must not keep the timers and the watchdog waiting.
constexpr std::chrono::milliseconds turn_share{5};

std::size_t queued(int fd, unsigned long request) noexcept {
  int bytes = 0;
  return ::ioctl(fd, request, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

}  // namespace

EpollStreams::EpollStreams(EventLoop& loop) : loop_(loop), buffer_(new char[headroom + read_size]) { watch_forks(); }

void EpollStreams::turn(int timeout_ms) {
  const std::size_t waiting = listed_;
  loop_.turn(waiting > 0 ? 0 : timeout_ms);
  read_listed(waiting);
}

// Reads `count` sessions. What they add to the list waits for the next turn.
void EpollStreams::read_listed(std::size_t count) {
  if (count == 0) return;
  const TimePoint end = clock() + turn_share;
  while (count-- > 0 && first_ != nullptr) {
    Session& session = *first_;
    unlist(session);
    read_once(session);
    if (count > 0 && clock() >= end) return;
  }
}

bool EpollStreams::open(Session& session, preforkd::UniqueFd fd, bool is_tcp) noexcept {
  if (loop_.add(fd.get(), input_events, session) != 0) return false;
  Stream& stream = stream_of(session);
  stream = {};
  stream.streams = this;
  stream.fd = fd.release();
  stream.wanted = true;
  stream.always_to_end = !is_tcp;
  return true;
}

void EpollStreams::want_input(Session& session, bool wanted) noexcept {
  Stream& stream = stream_of(session);
  stream.wanted = wanted;
  const bool something_to_tell = stream.peer_ended && !stream.end_told;
  if (stream.readable && (wanted || something_to_tell)) enlist(session);
}

void EpollStreams::on_events(Session& session, std::uint32_t events) {
  Stream& stream = stream_of(session);
  if ((events & EPOLLOUT) != 0 && std::exchange(stream.blocked, false)) session.on_output_room();
  if ((events & ~std::uint32_t{EPOLLOUT}) == 0 || stream.fd < 0) return;
  stream.readable = true;
  if ((events & (EPOLLPRI | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0) stream.to_end = true;
  if ((events & (EPOLLRDHUP | EPOLLHUP)) != 0) stream.peer_ended = true;
  if (stream.wanted && !stream.listed) return read_once(session);
  if (stream.wanted) return;
  if ((events & EPOLLERR) != 0) return session.on_input_end(ECONNRESET);
  tell_peer_end(session);
}

void EpollStreams::read_once(Session& session) {
  Stream& stream = stream_of(session);
  if (!stream.wanted) return tell_peer_end(session);
  std::span<char> room = session.input_room();
  if (room.empty()) room = {buffer_.get() + headroom, read_size};
  const Ledger::Mark before = mark(session, Ledger::Mark::busy);
  const ssize_t got = ::recv(stream.fd, room.data(), room.size(), MSG_DONTWAIT);
  if (got > 0) {
    const auto size = static_cast<std::size_t>(got);
    if (size < room.size() && !stream.to_end && !stream.always_to_end) stream.readable = false;
    session.on_input(room.first(size));
  } else if (got == 0) {
    stream.readable = false;
    session.on_input_end(0);
  } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
    stream.readable = false;
    stream.to_end = stream.peer_ended;
    mark(session, before);
  } else if (errno != EINTR) {
    stream.readable = false;
    session.on_input_end(errno);
  }
  if (stream.fd < 0) return;
  if (!stream.wanted) return tell_peer_end(session);
  if (stream.readable) enlist(session);
}

void EpollStreams::tell_peer_end(Session& session) {
  Stream& stream = stream_of(session);
  if (stream.peer_ended && stream.readable && !std::exchange(stream.end_told, true)) session.on_peer_end();
}

ssize_t EpollStreams::send(Session& session, std::string_view bytes) noexcept {
  Stream& stream = stream_of(session);
  ssize_t sent = 0;
  do sent = ::send(stream.fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    if (errno != EAGAIN && errno != EWOULDBLOCK) return -1;
    sent = 0;
  }
  stream.blocked = static_cast<std::size_t>(sent) < bytes.size();
  if (!stream.blocked || stream.watches_room) return sent;
  if (loop_.modify(stream.fd, input_events | EPOLLOUT, session) != 0) return -1;
  stream.watches_room = true;
  return sent;
}

// Linux may count the out-of-band bytes of a UNIX socket for ever, although a read has dropped them.
std::size_t EpollStreams::unread(const Session& session) const noexcept {
  const std::size_t bytes = queued(session.fd(), SIOCINQ);
  if (bytes == 0 || !stream_of(session).always_to_end) return bytes;
  char byte = 0;
  return ::recv(session.fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT) > 0 ? bytes : 0;
}

std::size_t EpollStreams::unacknowledged(const Session& session) const noexcept {
  return queued(session.fd(), SIOCOUTQ);
}

bool EpollStreams::end_output(Session& session) noexcept { return ::shutdown(session.fd(), SHUT_WR) == 0; }

preforkd::UniqueFd EpollStreams::release(Session& session) noexcept {
  Stream& stream = stream_of(session);
  unlist(session);
  loop_.remove(stream.fd, session);
  return preforkd::UniqueFd(std::exchange(stream.fd, -1));
}

// close(2) ends the registration, unless a child of the application holds a copy: then the client would get no end of
// file either.
void EpollStreams::close(Session& session) noexcept {
  if (stream_of(session).fd >= 0) mark(session, Ledger::Mark::none);
  if (have_forked()) {
    const preforkd::UniqueFd fd = release(session);
    ::shutdown(fd.get(), SHUT_RDWR);
    return;
  }
  unlist(session);
  loop_.forget(session);
  preforkd::UniqueFd(std::exchange(stream_of(session).fd, -1)).reset();
}

void EpollStreams::enlist(Session& session) noexcept {
  Stream& stream = stream_of(session);
  if (std::exchange(stream.listed, true)) return;
  stream.before = last_;
  stream.after = nullptr;
  (last_ != nullptr ? stream_of(*last_).after : first_) = &session;
  last_ = &session;
  ++listed_;
}

void EpollStreams::unlist(Session& session) noexcept {
  Stream& stream = stream_of(session);
  if (!std::exchange(stream.listed, false)) return;
  (stream.before != nullptr ? stream_of(*stream.before).after : first_) = stream.after;
  (stream.after != nullptr ? stream_of(*stream.after).before : last_) = stream.before;
  --listed_;
}

}  // namespace prefork::internal
