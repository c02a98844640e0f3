// SPDX-License-Identifier: MIT
// The way out: replies gather in the worker's scratch output (see Cork), or in the connection's own buffer if they do
// not come from the connection's own callback or must wait behind earlier output. Both are written once per turn, and
// again when epoll reports that the kernel takes more.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <string>
#include <utility>

#include "worker/connection/connection_impl.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

namespace {

// The bytes that the kernel took: 0 if it takes none now, -1 if the connection is broken.
ssize_t send_some(int fd, std::string_view bytes) noexcept {
  for (;;) {
    const ssize_t sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) return sent;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return 0;
    if (errno != EINTR) return -1;
  }
}

}  // namespace

std::size_t ConnectionImpl::unsent() const noexcept {
  if (state_ != State::open) return 0;
  return (output_waits() ? output_->size() : 0) + (path_->corked_ == this ? path_->scratch_.size() : 0);
}

inline Buffer* ConnectionImpl::output_target() noexcept {
  if (path_->corked_ == this && !output_waits()) return &path_->scratch_;
  if (!output_waits()) {
    output_ = path_->buffers_.take();
    output_since_ = path_->loop_.now();
  }
  return output_.get();
}

inline void ConnectionImpl::appended(Buffer& target) noexcept {
  const std::size_t high_mark = path_->limits_.output_high_mark;
  if (&target == &path_->scratch_) {
    if (target.size() >= std::min(DataPath::scratch_limit, high_mark)) flush_scratch();
    return;
  }
  if (target.size() > high_mark) choked_ = true;
  if (path_->corked_ != this && !blocked_output_) path_->enqueue(*this);
}

void ConnectionImpl::send_message(std::initializer_list<std::string_view> parts) {
  if (state_ != State::open || closing_) return;
  Buffer* const target = output_target();
  if (target == nullptr) return close_now(CloseReason::out_of_memory);
  if (path_->framer_.wrap(parts, *target)) return appended(*target);
  drop_empty_output();
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  if (!path_->framer_.can_carry(size))
    throw std::length_error("a message of " + std::to_string(size) + " bytes does not fit its length prefix");
  close_now(CloseReason::out_of_memory);
}

void ConnectionImpl::send_bytes(std::string_view bytes) noexcept {
  if (state_ != State::open || closing_ || bytes.empty()) return;
  Buffer* const target = output_target();
  if (target == nullptr || !target->append(bytes)) return close_now(CloseReason::out_of_memory);
  appended(*target);
}

// output_ exists only while it is not empty.
void ConnectionImpl::drop_empty_output() noexcept {
  if (output_waits() && output_->empty()) path_->buffers_.give_back(std::move(output_));
}

void ConnectionImpl::flush_scratch() noexcept {
  Buffer& scratch = path_->scratch_;
  if (scratch.empty()) return;
  if (state_ == State::open) {
    const ssize_t sent = send_some(fd_.get(), scratch.view());
    if (sent < 0) {
      close_now(CloseReason::peer_reset);
    } else if (static_cast<std::size_t>(sent) < scratch.size()) {
      keep_unsent(scratch.view().substr(static_cast<std::size_t>(sent)));
    }
    if (sent > 0) path_->count_out(static_cast<std::size_t>(sent));
  }
  scratch.clear();
  // One huge reply must not keep its memory for the worker's lifetime.
  if (scratch.capacity() > 4 * DataPath::scratch_limit) scratch.release();
}

void ConnectionImpl::keep_unsent(std::string_view bytes) noexcept {
  output_ = path_->buffers_.take();
  if (output_ == nullptr || !output_->append(bytes)) return close_now(CloseReason::out_of_memory);
  output_since_ = path_->loop_.now();
  blocked_output_ = true;
  if (bytes.size() > path_->limits_.output_high_mark) choked_ = true;
}

void ConnectionImpl::write_rest() noexcept {
  if (!output_waits() || state_ != State::open) return;
  const ssize_t sent = send_some(fd_.get(), output_->view());
  if (sent < 0) return close_now(CloseReason::peer_reset);
  if (sent > 0) {
    path_->count_out(static_cast<std::size_t>(sent));
    output_since_ = path_->loop_.now();
    output_->consume(static_cast<std::size_t>(sent));
  }
  blocked_output_ = !output_->empty();
  if (choked_ && output_->size() <= path_->limits_.output_high_mark / 2) {
    choked_ = false;
    resume();
  }
  if (!blocked_output_) {
    path_->buffers_.give_back(std::move(output_));
    // The client was reading, so it was not idle.
    if (!half_received_) input_since_ = path_->loop_.now();
  }
}

// Input that had to wait is processed at the end of the turn; its timers restart.
void ConnectionImpl::resume() noexcept {
  input_since_ = path_->loop_.now();
  resume_ = true;
  path_->enqueue(*this);
}

}  // namespace prefork::internal
