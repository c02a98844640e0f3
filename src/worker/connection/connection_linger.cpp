// SPDX-License-Identifier: MIT
// Lingering after the end: see the head of connection_impl.hpp.
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "worker/connection/connection_impl.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

namespace {
// The client may take this long to read our last bytes and to close, and may send this much meanwhile.
constexpr std::chrono::seconds linger_time{2};
constexpr std::uint32_t linger_bytes = std::uint32_t{4} * 1024 * 1024;
}  // namespace

std::size_t ConnectionImpl::unread_in_kernel() const noexcept {
  int bytes = 0;
  return ::ioctl(fd_.get(), SIOCINQ, &bytes) == 0 && bytes > 0 ? static_cast<std::size_t>(bytes) : 0;
}

bool ConnectionImpl::should_linger() const noexcept {
  if (path_->at_once_ || end_of_input_ || path_->lingering_ >= DataPath::max_lingering) return false;
  // !closing_: the peer closed, or close() was called.
  if (!closing_) return false;
  return reason_ == CloseReason::message_too_long || unread_in_kernel() > 0;
}

bool ConnectionImpl::begin_linger() noexcept {
  if (::shutdown(fd_.get(), SHUT_WR) != 0) return false;
  if (path_->loop_.add(fd_.get(), EPOLLIN, *this) != 0) return false;
  path_->buffers_.give_back(std::move(input_));
  watched_ = true;
  id_ = 0;
  unread_ = linger_bytes;
  state_ = State::lingering;
  ++path_->lingering_;
  path_->wheel_.arm(*this, path_->loop_.now() + linger_time);
  return true;
}

void ConnectionImpl::discard_input() noexcept {
  const ssize_t got = ::recv(fd_.get(), path_->read_buffer_.get(), DataPath::read_size, MSG_DONTWAIT);
  if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return;
  if (got <= 0 || static_cast<std::size_t>(got) >= unread_) return end_linger();
  unread_ -= static_cast<std::uint32_t>(got);
}

void ConnectionImpl::end_linger() noexcept {
  --path_->lingering_;
  vacate();
}

// Resets all but the place in the table to what the constructor made.
void ConnectionImpl::vacate() noexcept {
  path_->wheel_.cancel(*this);
  if (std::exchange(watched_, false)) path_->loop_.remove(fd_.get(), *this);
  path_->buffers_.give_back(std::move(input_));
  path_->buffers_.give_back(std::move(output_));
  fd_.reset();
  id_ = 0;
  unread_ = scanned_ = 0;
  held_replies_ = 0;
  interest_ = 0;
  closing_ = end_of_input_ = half_received_ = choked_ = blocked_output_ = resume_ = heard_ = false;
  final_read_ = last_done_ = false;
  state_ = State::vacant;
  path_->table_.release(*this);
}

}  // namespace prefork::internal
