// SPDX-License-Identifier: MIT
// The way in: at most one read per turn and connection, so that a client that pipelines does not starve the others.
// Bytes go from the kernel into the worker's read buffer, from there message by message to the application; only the
// rest is kept. In the middle of a large message a connection reads into its own buffer, which saves copying the
// beginning back and forth.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "worker/base/guarded.hpp"
#include "worker/connection/connection_impl.hpp"
#include "worker/connection/cork.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

namespace {
constexpr std::size_t copied_rest = 4096;  // up to here, kept bytes are copied in front of the read buffer
constexpr std::size_t own_read = std::size_t{16} * 1024;
}  // namespace

// Reads once and delivers complete messages. Returns the bytes read.
std::size_t ConnectionImpl::receive() {
  const std::size_t kept = input_ != nullptr ? input_->size() : 0;
  return kept > copied_rest ? receive_own() : receive_shared(kept);
}

std::size_t ConnectionImpl::receive_shared(std::size_t kept) {
  char* const buffer = path_->read_buffer_.get();
  const std::size_t got = read_into(buffer + kept, DataPath::read_size - kept);
  if (got == 0) return 0;
  if (kept > 0) {
    std::memcpy(buffer, input_->view().data(), kept);
    path_->buffers_.give_back(std::move(input_));
  }
  const std::string_view bytes(buffer, kept + got);
  const std::size_t used = deliver(bytes);
  if (used < bytes.size() && state_ == State::open && !closing_) keep(bytes.substr(used));
  return got;
}

std::size_t ConnectionImpl::receive_own() {
  const std::size_t size = std::clamp(input_->size(), own_read, DataPath::read_size);
  char* const room = input_->prepare(size);
  if (room == nullptr) {
    close_now(CloseReason::out_of_memory);
    return 0;
  }
  const std::size_t got = read_into(room, size);
  if (got == 0) return 0;
  input_->commit(got);
  deliver_kept();
  return got;
}

// recv(2), with its failures translated for the connection. Returns the bytes read.
std::size_t ConnectionImpl::read_into(char* room, std::size_t size) noexcept {
  const ssize_t got = ::recv(fd_.get(), room, size, MSG_DONTWAIT);
  if (got > 0) {
    path_->count_in(static_cast<std::size_t>(got));
    return static_cast<std::size_t>(got);
  }
  if (got == 0) {
    end_of_input_ = true;
  } else if (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
    close_now(CloseReason::peer_reset);
  }
  return 0;
}

void ConnectionImpl::keep(std::string_view rest) noexcept {
  input_ = path_->buffers_.take();
  if (input_ == nullptr || !input_->append(rest)) close_now(CloseReason::out_of_memory);
}

// Delivers from input_, and gives it back when it is empty.
void ConnectionImpl::deliver_kept() {
  if (input_ == nullptr) return;
  const std::size_t used = deliver(input_->view());
  if (state_ != State::open) return;
  input_->consume(used);
  if (input_->empty()) path_->buffers_.give_back(std::move(input_));
}

// Delivers complete messages until none is left or no more may be delivered. Returns the bytes used.
std::size_t ConnectionImpl::deliver(std::string_view bytes) {
  const Framer& framer = path_->framer_;
  std::size_t used = 0;
  std::uint64_t messages = 0;
  bool half_received = false;
  while (may_deliver()) {
    std::string_view message;
    std::size_t consumed = 0;
    const std::string_view rest = bytes.substr(used);
    const Cut cut = framer.next(rest, scanned_, consumed, message);
    if (cut != Cut::message) {
      half_received = cut == Cut::need_more && !rest.empty();
      if (cut == Cut::too_long) close_when_sent(CloseReason::message_too_long);
      break;
    }
    used += consumed;
    ++messages;
    deliver_message(message);
  }
  path_->count_requests(messages);
  if (messages > 0) heard_ = true;
  // A message that was and still is unfinished keeps the time of its first byte.
  if (messages > 0 || !half_received || !half_received_) input_since_ = path_->loop_.now();
  half_received_ = half_received;
  if (messages > 0 && final_read_) last_done_ = true;
  return used;
}

void ConnectionImpl::deliver_message(std::string_view message) {
  if (!path_->handlers_.on_message) return;
  if (!guarded("on_message", [&] { path_->handlers_.on_message(*this, message); })) {
    close_when_sent(CloseReason::handler_failed);
  }
}

// An event arrived that is unwanted now: epoll must not report it again and again. Bytes wait in the kernel. A broken
// connection is closed. If the client has closed completely, which epoll always reports, the connection leaves epoll
// until its input is wanted again.
void ConnectionImpl::park(std::uint32_t events) noexcept {
  if ((events & EPOLLERR) != 0) return close_now(CloseReason::peer_reset);
  const std::uint32_t wanted = interest_ & ~std::uint32_t{EPOLLIN};
  if ((events & EPOLLHUP) != 0 && wanted == 0) {
    path_->loop_.remove(fd_.get(), *this);
    watched_ = false;
    interest_ = 0;
    return;
  }
  set_interest(wanted);
}

void ConnectionImpl::begin_drain() {
  if (state_ != State::open) return;
  unread_ = static_cast<std::uint32_t>(unread_in_kernel());
  settle();
}

// Reads what the kernel held when the drain began. After that a message that has begun may become complete, nothing
// more. A client that was just accepted is about to send its first message: it could not know that this worker leaves,
// and would see the close as a failed request.
void ConnectionImpl::drain_step() {
  while (unread_ > 0 && wants_input()) {
    const Cork cork(*path_, *this);
    const std::size_t got = receive();
    unread_ = got == 0 ? 0 : unread_ - static_cast<std::uint32_t>(std::min<std::size_t>(got, unread_));
  }
  if (!wants_input() || resume_) return;
  if (!heard_ && !half_received_ && path_->loop_.now() < first_message_deadline()) return;
  if (!half_received_ || last_done_) return close_when_sent(CloseReason::drained);
  final_read_ = true;
}

}  // namespace prefork::internal
