// SPDX-License-Identifier: MIT
#include "worker/connection/connection_impl.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "worker/base/guarded.hpp"
#include "worker/connection/cork.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

namespace {

using TimePoint = Session::TimePoint;
constexpr TimePoint never = TimePoint::max();

// In the middle of a message of at least this size, input goes into the connection's own buffer.
constexpr std::size_t own_read = std::size_t{16} * 1024;
static_assert(Streams::headroom < own_read);
// The client may take this long to read our last bytes and to close, and may send this much meanwhile.
constexpr std::chrono::seconds linger_time{2};
constexpr std::uint32_t linger_bytes = std::uint32_t{4} * 1024 * 1024;

TimePoint deadline_after(TimePoint start, std::chrono::milliseconds time_out) noexcept {
  return time_out.count() > 0 ? start + time_out : never;
}

}  // namespace

ConnectionImpl::~ConnectionImpl() { reset_data(nullptr, nullptr); }

inline TimePoint ConnectionImpl::now() const noexcept { return path_->streams_.now(); }

bool ConnectionImpl::open(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd, const sockaddr_storage& peer,
                          bool is_tcp) {
  if (!path.streams_.open(*this, std::move(fd), is_tcp)) return false;
  path_ = &path;
  id_ = id;
  peer_.assign(peer);
  state_ = State::open;
  input_since_ = now();
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

void ConnectionImpl::reset_data(void* object, void (*destroy)(void*)) noexcept {
  void* const old = std::exchange(data_, object);
  void (*const destroy_old)(void*) = std::exchange(destroy_data_, destroy);
  if (old != nullptr) destroy_old(old);
}

// ---- The way in ----
//
// Bytes go from the kernel into the worker's read buffer, from there message by message to the application; only the
// rest is kept. In the middle of a large message a connection reads into its own buffer, which saves copying the
// beginning back and forth.

std::span<char> ConnectionImpl::input_room() noexcept {
  if (input_ == nullptr || input_->size() <= Streams::headroom) return {};
  const std::size_t size = std::clamp(input_->size(), own_read, Streams::read_size);
  char* const room = input_->prepare(size);
  return room != nullptr ? std::span(room, size) : std::span<char>();
}

void ConnectionImpl::on_input(std::span<char> bytes) {
  if (state_ == State::lingering) return discard(bytes.size());
  if (state_ != State::open) return;
  path_->count_in(bytes.size());
  unread_ -= static_cast<std::uint32_t>(std::min<std::size_t>(bytes.size(), unread_));
  {
    const Cork cork(*path_, *this);
    take(bytes);
  }
  settle();
}

inline void ConnectionImpl::take(std::span<char> bytes) {
  if (input_ == nullptr) return take_all({bytes.data(), bytes.size()});
  const std::size_t kept = input_->size();
  if (bytes.data() == input_->end()) {
    input_->commit(bytes.size());
    return deliver_kept();
  }
  if (kept <= Streams::headroom) {
    std::memcpy(bytes.data() - kept, input_->view().data(), kept);
    path_->buffers_.give_back(std::move(input_));
    return take_all({bytes.data() - kept, kept + bytes.size()});
  }
  close_now(CloseReason::out_of_memory);  // input_room() had none
}

void ConnectionImpl::take_all(std::string_view bytes) {
  const std::size_t used = deliver(bytes);
  if (used < bytes.size() && state_ == State::open && !closing_) keep(bytes.substr(used));
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

// Delivers complete messages until none is left, no more may be delivered, or the connection has had its share of the
// turn: then it goes on in the next one. Returns the bytes used.
std::size_t ConnectionImpl::deliver(std::string_view bytes) {
  const Framer& framer = path_->framer_;
  std::size_t used = 0;
  std::uint64_t messages = 0;
  bool half_received = false;
  while (may_deliver()) {
    const std::string_view rest = bytes.substr(used);
    if (messages == path_->allowance_) {
      if (!rest.empty()) resume();
      break;
    }
    std::string_view message;
    std::size_t consumed = 0;
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
  if (messages > 0 || !half_received || !half_received_) input_since_ = now();
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

void ConnectionImpl::on_input_end(int error) {
  if (state_ == State::lingering) return end_linger();
  if (state_ != State::open) return;
  if (error != 0) return close_now(CloseReason::peer_reset);
  end_of_input_ = true;
  settle();
}

void ConnectionImpl::on_peer_end() {}

void ConnectionImpl::release_reply() noexcept {
  if (--held_replies_ > 0 || state_ != State::open) return;
  resume();
}

// Input that had to wait is processed at the end of the turn; its timers restart.
void ConnectionImpl::resume() noexcept {
  input_since_ = now();
  resume_ = true;
  path_->enqueue(*this);
}

// ---- The way out ----
//
// Replies gather in the worker's scratch output (see Cork), or in the connection's own buffer if they do not come from
// the connection's own callback or must wait behind earlier output. Both are written once per turn, and again when the
// kernel takes more.

std::size_t ConnectionImpl::unsent() const noexcept {
  if (state_ != State::open) return 0;
  return (output_waits() ? output_->size() : 0) + (path_->corked_ == this ? path_->scratch_.size() : 0);
}

inline Buffer* ConnectionImpl::output_target() noexcept {
  if (path_->corked_ == this && !output_waits()) return &path_->scratch_;
  if (!output_waits()) {
    output_ = path_->buffers_.take();
    output_since_ = now();
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
    const ssize_t sent = path_->streams_.send(*this, scratch.view());
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
  output_since_ = now();
  blocked_output_ = true;
  if (bytes.size() > path_->limits_.output_high_mark) choked_ = true;
}

void ConnectionImpl::write_rest() noexcept {
  if (!output_waits() || state_ != State::open) return;
  const ssize_t sent = path_->streams_.send(*this, output_->view());
  if (sent < 0) return close_now(CloseReason::peer_reset);
  if (sent > 0) {
    path_->count_out(static_cast<std::size_t>(sent));
    output_since_ = now();
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
    if (!half_received_) input_since_ = now();
  }
}

void ConnectionImpl::on_output_room() {
  if (state_ != State::open) return;
  write_rest();
  settle();
}

// ---- After each event ----

bool ConnectionImpl::settle_turn() {
  if (state_ == State::closed) {
    finish();
    return false;
  }
  const bool resumed = std::exchange(resume_, false);
  if (resumed) {
    const Cork cork(*path_, *this);
    deliver_kept();
  }
  settle();
  return resumed;
}

// It only waits for the next message: by far the most frequent case.
inline bool ConnectionImpl::is_calm() const noexcept {
  return wants_input() && !output_waits() && input_is_wanted() && !path_->draining_;
}

// All work on a connection ends here: queued output is sent, connections that have ended are closed, and streams and
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
  path_->streams_.want_input(*this, wants_input());
  update_timer();
}

void ConnectionImpl::begin_drain() {
  if (state_ != State::open) return;
  unread_ = static_cast<std::uint32_t>(path_->streams_.unread(*this));
  settle();
}

// What the kernel held when the drain began still comes. After that a message that has begun may become complete,
// nothing more. A client that was just accepted is about to send its first message: it could not know that this worker
// leaves, and would see the close as a failed request.
void ConnectionImpl::drain_step() {
  if (!wants_input() || unread_ > 0) return;
  if (!heard_ && !half_received_ && now() < first_message_deadline()) return;
  if (!half_received_ || last_done_) return close_when_sent(CloseReason::drained);
  final_read_ = true;
}

// ---- Time ----

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
  if (write_deadline() <= now()) return close_now(CloseReason::write_timeout);
  // settle() closes an idle connection that drains.
  if (read_deadline() <= now() && (half_received_ || !path_->draining_)) {
    close_when_sent(half_received_ ? CloseReason::message_timeout : CloseReason::idle_timeout);
  }
  settle();
}

// ---- The end ----

void ConnectionImpl::close_at_once() noexcept {
  closing_ = false;  // what was to be sent first no longer matters
  close_now(CloseReason::closed_by_server);
}

void ConnectionImpl::close_now(CloseReason reason) noexcept {
  if (state_ != State::open) return;
  state_ = State::closed;
  reason_ = reason;
  path_->wheel_.cancel(*this);
  path_->streams_.want_input(*this, false);
  path_->enqueue(*this);
}

void ConnectionImpl::close_when_sent(CloseReason reason) noexcept {
  if (state_ != State::open || closing_) return;
  closing_ = true;
  reason_ = reason;
  path_->enqueue(*this);
}

void ConnectionImpl::end_at_once(CloseReason busy, CloseReason idle) noexcept {
  if (state_ == State::lingering) return end_linger();
  close_now(has_work_in_hand() ? busy : idle);
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

bool ConnectionImpl::should_linger() const noexcept {
  if (path_->at_once_ || end_of_input_ || path_->lingering_ >= DataPath::max_lingering) return false;
  // !closing_: the peer closed, or close() was called.
  if (!closing_) return false;
  return reason_ == CloseReason::message_too_long || path_->streams_.unread(*this) > 0;
}

bool ConnectionImpl::begin_linger() noexcept {
  if (!path_->streams_.end_output(*this)) return false;
  path_->buffers_.give_back(std::move(input_));
  id_ = 0;
  unread_ = linger_bytes;
  state_ = State::lingering;
  ++path_->lingering_;
  path_->streams_.want_input(*this, true);
  path_->wheel_.arm(*this, now() + linger_time);
  return true;
}

void ConnectionImpl::discard(std::size_t bytes) noexcept {
  if (bytes >= unread_) return end_linger();
  unread_ -= static_cast<std::uint32_t>(bytes);
}

void ConnectionImpl::end_linger() noexcept {
  --path_->lingering_;
  vacate();
}

// Resets all but the place in the table to what the constructor made.
void ConnectionImpl::vacate() noexcept {
  path_->wheel_.cancel(*this);
  path_->streams_.close(*this);
  path_->buffers_.give_back(std::move(input_));
  path_->buffers_.give_back(std::move(output_));
  id_ = 0;
  unread_ = scanned_ = 0;
  held_replies_ = 0;
  closing_ = end_of_input_ = half_received_ = choked_ = blocked_output_ = resume_ = heard_ = false;
  final_read_ = last_done_ = false;
  state_ = State::vacant;
  path_->table_.release(*this);
}

}  // namespace prefork::internal
