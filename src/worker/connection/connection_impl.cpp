// SPDX-License-Identifier: MIT
#include "worker/connection/connection_impl.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "worker/base/guarded.hpp"
#include "worker/connection/cork.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

namespace {
using TimePoint = EventLoop::TimePoint;
constexpr TimePoint never = TimePoint::max();

TimePoint deadline_after(TimePoint start, std::chrono::milliseconds time_out) noexcept {
  return time_out.count() > 0 ? start + time_out : never;
}
}  // namespace

ConnectionImpl::~ConnectionImpl() { reset_data(nullptr, nullptr); }

bool ConnectionImpl::open(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd, const sockaddr_storage& peer) {
  if (path.loop_.add(fd.get(), EPOLLIN, *this) != 0) return false;
  path_ = &path;
  id_ = id;
  fd_ = std::move(fd);
  peer_.assign(peer);
  state_ = State::open;
  watched_ = true;
  interest_ = EPOLLIN;
  input_since_ = path.loop_.now();
  path.count_opened();
  if (path.handlers_.on_connect) {
    const Cork cork(path, *this);
    if (!guarded("on_connect", [this] { path_->handlers_.on_connect(*this); }))
      close_when_sent(CloseReason::handler_failed);
  }
  settle();
  return true;
}

bool ConnectionImpl::has_work_in_hand() const noexcept {
  return held_replies_ > 0 || output_waits() || input_ != nullptr;
}

void ConnectionImpl::release_reply() noexcept {
  if (--held_replies_ > 0 || state_ != State::open) return;
  resume();
}

void ConnectionImpl::close_at_once() noexcept {
  closing_ = false;  // what was to be sent first no longer matters
  close_now(CloseReason::closed_by_server);
}

void ConnectionImpl::close_now(CloseReason reason) noexcept {
  if (state_ != State::open) return;
  state_ = State::closed;
  reason_ = reason;
  path_->wheel_.cancel(*this);
  if (std::exchange(watched_, false)) path_->loop_.remove(fd_.get(), *this);
  path_->enqueue(*this);
}

void ConnectionImpl::end_at_once(CloseReason busy, CloseReason idle) noexcept {
  if (state_ == State::lingering) return end_linger();
  close_now(has_work_in_hand() ? busy : idle);
}

void ConnectionImpl::close_when_sent(CloseReason reason) noexcept {
  if (state_ != State::open || closing_) return;
  closing_ = true;
  reason_ = reason;
  path_->enqueue(*this);
}

void ConnectionImpl::reset_data(void* object, void (*destroy)(void*)) noexcept {
  void* const old = std::exchange(data_, object);
  void (*const destroy_old)(void*) = std::exchange(destroy_data_, destroy);
  if (old != nullptr) destroy_old(old);
}

void ConnectionImpl::on_events(std::uint32_t events) {
  if (state_ == State::lingering) return discard_input();
  if (state_ != State::open) return;
  if ((events & EPOLLOUT) != 0) write_rest();
  if ((events & ~std::uint32_t{EPOLLOUT}) != 0 && state_ == State::open) {
    if (wants_input()) {
      const Cork cork(*path_, *this);
      receive();
    } else {
      park(events);
    }
  }
  settle();
}

void ConnectionImpl::settle_turn() {
  if (state_ == State::closed) return finish();
  if (std::exchange(resume_, false)) {
    const Cork cork(*path_, *this);
    deliver_kept();
  }
  settle();
}

// It only waits for the next message, for which epoll is already set: by far the most frequent case.
bool ConnectionImpl::is_calm() const noexcept {
  return wants_input() && !output_waits() && interest_ == EPOLLIN && !path_->draining_;
}

// All work on a connection ends here: queued output is sent, connections that have ended are closed, and epoll and the
// timer are set to what the connection waits for now.
void ConnectionImpl::settle() {
  if (is_calm()) return update_timer();
  if (output_waits() && !blocked_output_) write_rest();
  if (state_ != State::open) return;
  if (path_->draining_) drain_step();
  if (state_ != State::open) return;
  if (!output_waits()) {
    if (closing_) return close_now(reason_);
    if (end_of_input_ && held_replies_ == 0 && !resume_) {
      return close_now(input_ != nullptr ? CloseReason::unfinished_message : CloseReason::peer_closed);
    }
  }
  update_interest();
  update_timer();
}

void ConnectionImpl::update_interest() noexcept {
  std::uint32_t wanted = blocked_output_ ? std::uint32_t{EPOLLOUT} : 0;
  // Input that is unwanted only for a moment stays enabled: park() disables it if something arrives meanwhile.
  if (wants_input() || (!end_of_input_ && !closing_ && (interest_ & EPOLLIN) != 0)) wanted |= EPOLLIN;
  set_interest(wanted);
}

void ConnectionImpl::set_interest(std::uint32_t events) noexcept {
  if (events == interest_ && (watched_ || events == 0)) return;
  const int error =
      watched_ ? path_->loop_.modify(fd_.get(), events, *this) : path_->loop_.add(fd_.get(), events, *this);
  if (error != 0) return close_now(CloseReason::out_of_memory);
  watched_ = true;
  interest_ = static_cast<std::uint8_t>(events);
}

TimePoint ConnectionImpl::read_deadline() const noexcept {
  if (!wants_input()) return never;
  const Limits& limits = path_->limits_;
  if (half_received_) return deadline_after(input_since_, limits.message_timeout);
  if (output_waits()) return never;
  const TimePoint idle = deadline_after(input_since_, limits.idle_timeout);
  return path_->draining_ && !heard_ ? std::min(idle, first_message_deadline()) : idle;
}

// Draining: how long to wait for a client that has not sent a message yet. Only while !heard_.
TimePoint ConnectionImpl::first_message_deadline() const noexcept {
  return input_since_ + path_->limits_.first_message_grace;
}

TimePoint ConnectionImpl::write_deadline() const noexcept {
  return output_waits() ? deadline_after(output_since_, path_->limits_.write_timeout) : never;
}

void ConnectionImpl::update_timer() noexcept {
  const TimePoint deadline = std::min(read_deadline(), write_deadline());
  if (deadline < armed_until()) path_->wheel_.arm(*this, deadline);
}

void ConnectionImpl::on_timer() {
  if (state_ == State::lingering) return end_linger();
  if (state_ != State::open) return;
  const TimePoint now = path_->loop_.now();
  if (write_deadline() <= now) return close_now(CloseReason::write_timeout);
  // settle() closes an idle connection that drains.
  if (read_deadline() <= now && (half_received_ || !path_->draining_)) {
    close_when_sent(half_received_ ? CloseReason::message_timeout : CloseReason::idle_timeout);
  }
  settle();
}

void ConnectionImpl::finish() {
  path_->count_closed(reason_);
  if (path_->handlers_.on_close) {
    static_cast<void>(guarded("on_close", [this] { path_->handlers_.on_close(*this, reason_); }));
  }
  reset_data(nullptr, nullptr);
  path_->buffers_.give_back(std::move(output_));
  if (should_linger() && begin_linger()) return;
  vacate();
}

}  // namespace prefork::internal
