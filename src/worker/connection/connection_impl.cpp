// SPDX-License-Identifier: MIT
#include "worker/connection/connection_impl.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

#include "worker/base/guarded.hpp"
#include "worker/base/log.hpp"
#include "worker/base/log_throttle.hpp"
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

void log_reply_too_long(std::size_t size) noexcept {
  thread_local LogThrottle throttle(std::chrono::seconds(1));
  if (!throttle.pass(std::chrono::steady_clock::now())) return;
  std::array<char, 24> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), size).ptr;
  log_line(LogLevel::error, {"send: a message of ",
                             {digits.data(), static_cast<std::size_t>(end - digits.data())},
                             " bytes does not fit its length prefix: the connection is closed"});
}

TimePoint deadline_after(TimePoint start, std::chrono::milliseconds time_out) noexcept {
  return time_out.count() > 0 ? start + time_out : never;
}

}  // namespace

ConnectionImpl::~ConnectionImpl() { reset_data(nullptr, nullptr); }

inline TimePoint ConnectionImpl::now() const noexcept { return path_->streams_.now(); }

void ConnectionImpl::begin(DataPath& path, std::uint64_t id, const PeerAddress& peer,
                           const Entrance& entrance) noexcept {
  path_ = &path;
  entrance_ = &entrance;
  id_ = id;
  peer_ = peer;
  state_ = State::open;
  input_since_ = now();
  if (Ledger* const ledger = path.streams_.ledger_of(*this)) {
    Ledger::Entry& entry = ledger->enter(fd());
    entry.peer = peer.bytes();
    entry.entrance = entrance.index;
  }
}

bool ConnectionImpl::open(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd, const PeerAddress& peer,
                          const Entrance& entrance, bool through_proxy) {
  if (!path.streams_.open(*this, std::move(fd), entrance.is_tcp)) return false;
  begin(path, id, peer, entrance);
  mark_busy();
  path.count_open(entrance.service);
  path.count_accepted();
  awaits_header_ = through_proxy;
  if (!through_proxy && handlers().on_connect) {
    const Cork cork(path, *this);
    greet();
  }
  settle();
  return true;
}

void ConnectionImpl::greet() {
  if (!handlers().on_connect) return;
  if (!guarded("on_connect", [this] { handlers().on_connect(*this); })) close_when_sent(CloseReason::handler_failed);
}

bool ConnectionImpl::has_work_in_hand() const noexcept {
  return held_replies_ > 0 || output_waits() || input_ != nullptr;
}

void ConnectionImpl::reset_data(void* object, void (*destroy)(void*)) noexcept {
  void* const old = std::exchange(data_, object);
  void (*const destroy_old)(void*) = std::exchange(destroy_data_, destroy);
  if (old != nullptr) destroy_old(old);
}

const std::shared_ptr<PostQueue>& ConnectionImpl::home() const noexcept { return path_->home_; }

void ConnectionImpl::set_framing(const Framing& framing) {
  framer_ = std::make_unique<const Framer>(framing, limits().max_message);
  scanned_ = 0;
  if (state_ == State::open && input_ != nullptr) resume();
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
  count_kept();
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
  if (input_->empty()) return path_->buffers_.give_back(std::move(input_));
  if (used > 0 && input_->is_oversized()) shrink_input();
}

// What is left of a large message's buffer may be a few bytes. max_input_memory counts these: they must not hold it.
void ConnectionImpl::shrink_input() noexcept {
  std::unique_ptr<Buffer> smaller = path_->buffers_.take();
  if (smaller != nullptr && smaller->append(input_->view())) input_ = std::move(smaller);
}

// Delivers complete messages until none is left, no more may be delivered, or the connection has had its share of the
// turn: then it goes on in the next one. Returns the bytes used.
std::size_t ConnectionImpl::deliver(std::string_view bytes) {
  std::size_t used = awaits_header_ ? take_proxy_header(bytes) : 0;
  std::uint64_t messages = 0;
  bool half_received = awaits_header_ && !bytes.empty();
  while (may_deliver() && !awaits_header_) {
    const std::string_view rest = bytes.substr(used);
    if (messages == path_->allowance_) {
      if (!rest.empty()) resume();
      break;
    }
    std::string_view message;
    std::size_t consumed = 0;
    const Cut cut = next_message(rest, consumed, message);
    if (cut != Cut::message) {
      half_received = cut == Cut::need_more && !rest.empty();
      if (cut == Cut::too_long) close_when_sent(CloseReason::message_too_long);
      if (cut == Cut::bad) close_when_sent(CloseReason::bad_message);
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

inline Cut ConnectionImpl::next_message(std::string_view input, std::size_t& consumed, std::string_view& message) {
  const Framer& now = framer();
  if (!now.is_custom()) return now.next(input, scanned_, consumed, message);
  Cut cut = Cut::need_more;
  if (!guarded("framing", [&] { cut = now.next(input, scanned_, consumed, message); })) {
    close_when_sent(CloseReason::handler_failed);
  }
  return cut;
}

// Bytes of unfinished messages are memory that clients can claim without a word.
void ConnectionImpl::count_kept() noexcept {
  const auto kept = static_cast<std::uint32_t>(input_ != nullptr ? input_->size() : 0);
  if (kept == kept_) return;
  const bool grows = kept > kept_;
  path_->input_kept_ += kept;
  path_->input_kept_ -= std::exchange(kept_, kept);
  const std::size_t max = path_->limits_.max_input_memory;
  if (grows && max > 0 && path_->input_kept_ > max && kept > Streams::headroom) close_now(CloseReason::input_limit);
}

void ConnectionImpl::deliver_message(std::string_view message) {
  if (!handlers().on_message) return;
  if (!guarded("on_message", [&] { handlers().on_message(*this, message); })) {
    close_when_sent(CloseReason::handler_failed);
  }
}

void ConnectionImpl::on_input_end(int error) {
  if (state_ == State::lingering) return end_linger();
  if (state_ != State::open) return;
  if (error != 0) return close_now(CloseReason::peer_reset);
  end_of_input_ = half_closed_ = true;
  settle();
}

void ConnectionImpl::on_peer_end() {
  if (state_ != State::open) return;
  half_closed_ = true;
  settle();
}

// The client waits only for the reply that it is owed, or is gone: the application may want to know. Without a reply to
// wait for, the client is not gone: its messages only wait for their turn.
void ConnectionImpl::tell_half_close() {
  end_told_ = true;
  if (!handlers().on_half_close) return;
  const Cork cork(*path_, *this);
  if (!guarded("on_half_close", [this] { handlers().on_half_close(*this); })) {
    close_when_sent(CloseReason::handler_failed);
  }
}

void ConnectionImpl::release_reply() noexcept {
  if (--held_replies_ > 0 || state_ != State::open) return;
  resume();
}

// Input that had to wait is processed at the end of the turn; its timers restart.
void ConnectionImpl::resume() noexcept {
  if (heard_) input_since_ = now();
  resume_ = true;
  path_->enqueue(*this);
}

// ---- The way out ----
//
// Replies gather in the worker's scratch output (see Cork), or in the connection's own buffer if they do not come from
// the connection's own callback or must wait behind earlier output. Both are written once per turn, and again when the
// kernel takes more.

std::size_t ConnectionImpl::unsent() const noexcept {
  if (state_ != State::open && state_ != State::moving) return 0;
  return (output_waits() ? output_->size() : 0) + (path_->corked_ == this ? path_->scratch_.size() : 0);
}

inline Buffer* ConnectionImpl::output_target() noexcept {
  if (path_->corked_ == this && !output_waits()) return &path_->scratch_;
  mark_busy();
  if (!output_waits()) output_ = path_->buffers_.take();
  return output_.get();
}

inline void ConnectionImpl::appended(Buffer& target) noexcept {
  const std::size_t high_mark = limits().output_high_mark;
  if (&target == &path_->scratch_) {
    if (target.size() >= std::min(DataPath::scratch_limit, high_mark)) flush_scratch();
    return;
  }
  if (target.size() > high_mark) choked_ = true;
  if (path_->corked_ != this && !blocked_output_) path_->enqueue(*this);
}

void ConnectionImpl::send_message(std::initializer_list<std::string_view> parts) noexcept {
  if (!may_send()) return;
  Buffer* const target = output_target();
  if (target == nullptr) return close_now(CloseReason::out_of_memory);
  if (exceeds_output(*target)) return close_now(CloseReason::output_limit);
  const bool wrapped = framer().wrap(parts, *target);
  if (wrapped && !target->empty()) return appended(*target);
  drop_empty_output();
  if (wrapped) return;  // an empty message, and the framing adds nothing
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  if (framer().can_carry(size)) return close_now(CloseReason::out_of_memory);
  log_reply_too_long(size);
  close_when_sent(CloseReason::reply_too_long);
}

inline bool ConnectionImpl::exceeds_output(const Buffer& target) const noexcept {
  const std::size_t max = limits().max_output;
  return max > 0 && &target == output_.get() && target.size() > max;
}

void ConnectionImpl::send_bytes(std::string_view bytes) noexcept {
  if (!may_send() || bytes.empty()) return;
  Buffer* const target = output_target();
  if (target != nullptr && exceeds_output(*target)) return close_now(CloseReason::output_limit);
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
  begin_write_period();
  blocked_output_ = true;
  if (bytes.size() > limits().output_high_mark) choked_ = true;
}

// What the client takes in the next write_timeout is judged by what it acknowledges: the kernel takes bytes in large
// portions, with long pauses between them. It begins now, not when the turn began: the callback that wrote the output
// may have taken longer than write_timeout.
void ConnectionImpl::begin_write_period() noexcept {
  output_since_ = path_->streams_.clock();
  given_ = path_->streams_.unacknowledged(*this);
}

// A write_timeout is over.
bool ConnectionImpl::takes_enough() noexcept {
  const std::uint64_t taken = given_ - std::min<std::uint64_t>(given_, path_->streams_.unacknowledged(*this));
  const auto time = static_cast<std::uint64_t>(limits().write_timeout.count());
  return taken > 0 && taken * 1000 / time >= limits().min_send_rate;
}

void ConnectionImpl::write_rest() noexcept {
  if (!output_waits() || state_ != State::open) return;
  const bool was_blocked = blocked_output_;
  const ssize_t sent = path_->streams_.send(*this, output_->view());
  if (sent < 0) return close_now(CloseReason::peer_reset);
  path_->count_out(static_cast<std::size_t>(sent));
  output_->consume(static_cast<std::size_t>(sent));
  given_ += static_cast<std::uint64_t>(sent);
  blocked_output_ = !output_->empty();
  if (blocked_output_ && !was_blocked) begin_write_period();
  if (choked_ && output_->size() <= limits().output_high_mark / 2) {
    choked_ = false;
    tell_room_ = true;
    resume();
  }
  if (blocked_output_) return;
  path_->buffers_.give_back(std::move(output_));
  // A client that had to be waited for was not idle. Output that it only listens to does not show that it is there.
  if (was_blocked && heard_ && !half_received_) input_since_ = now();
}

void ConnectionImpl::on_output_room() {
  if (state_ != State::open) return;
  write_rest();
  settle();
}

// ---- After each event ----

void ConnectionImpl::settle_turn() {
  if (state_ == State::closed) return finish();
  if (std::exchange(resume_, false)) {
    const Cork cork(*path_, *this);
    if (std::exchange(tell_room_, false) && handlers().on_writable && !closing_ &&
        !guarded("on_writable", [this] { handlers().on_writable(*this); })) {
      close_when_sent(CloseReason::handler_failed);
    }
    deliver_kept();
  }
  count_kept();
  settle();
}

// It only waits for the next message: by far the most frequent case.
inline bool ConnectionImpl::is_calm() const noexcept { return waits_for_client() && !leaving_; }

// All work on a connection ends here: queued output is sent, connections that have ended are closed, and streams and
// timer are set to what the connection waits for now.
void ConnectionImpl::settle() {
  if (is_calm()) {
    if (path_->streams_.ledger_of(*this) != nullptr && rests()) mark_resting();
    return update_timer();
  }
  if (half_closed_ && held_replies_ > 0 && !end_told_ && !closing_ && state_ == State::open) tell_half_close();
  if (output_waits() && !blocked_output_) write_rest();
  if (state_ != State::open) return;
  if (leaving_) drain_step();
  if (state_ != State::open) return;
  if (!output_waits()) {
    if (closing_) return close_now(reason_);
    if (end_of_input_ && held_replies_ == 0 && !resume_) {
      return close_now(input_ != nullptr ? CloseReason::unfinished_message : CloseReason::peer_closed);
    }
  }
  path_->streams_.want_input(*this, wants_input());
  if (rests()) mark_resting();  // what it was sent unasked is written, or it waits for a taker
  update_timer();
}

void ConnectionImpl::begin_drain() {
  if (state_ != State::open) return;
  if (path_->mover_ != nullptr) return leave();
  const auto spread = static_cast<std::uint64_t>(path_->limits_.drain_spread.count());
  drain_delay_ = spread > 0 ? static_cast<std::uint32_t>(path_->random_() % spread) : 0;
  if (drain_delay_ > 0) return update_timer();
  leave();
}

void ConnectionImpl::do_not_leave() noexcept {
  if (state_ == State::open || state_ == State::moving) leaving_ = false;
}

void ConnectionImpl::leave() {
  leaving_ = true;
  offered_ = false;
  settled_here_ = !can_move();  // another taker may have what the last one lacked
  unread_ = static_cast<std::uint32_t>(path_->streams_.unread(*this));
  settle();
}

// What the kernel held when the drain began still comes. After that a message that has begun may become complete,
// nothing more. A client that was just accepted is about to send its first message: it could not know that this worker
// leaves, and would see the close as a failed request.
void ConnectionImpl::drain_step() {
  if (waits_for_taker()) {
    if (!settled_here_ && may_move() && !std::exchange(offered_, true)) path_->mover_->offer(*this);
    return;
  }
  if (!wants_input()) return;
  if (unread_ > 0 && path_->streams_.unread(*this) > 0) return;
  if (!heard_ && !half_received_ && now() < drain_deadline()) return;
  if (!half_received_ || last_done_) return close_when_sent(CloseReason::drained);
  final_read_ = true;
}

// ---- What a successor may take ----

bool ConnectionImpl::may_move() const noexcept { return !awaits_amendment_ && has_nothing_pending(); }

// To any worker at any time.
bool ConnectionImpl::can_move() const noexcept {
  Ledger* const ledger = path_->streams_.ledger_of(*this);
  return handlers().on_adopt && ledger != nullptr && ledger->at(fd()).suspicion != Ledger::Suspicion::proven;
}

bool ConnectionImpl::has_nothing_pending() const noexcept {
  return state_ == State::open && !closing_ && held_replies_ == 0 && pins_ == 0 && !resume_ && !awaits_header_ &&
         path_->corked_ != this && can_move();
}

// The next taker may be willing. Until then a client that the last one has refused is served on, if idle ones are kept.
bool ConnectionImpl::waits_for_taker() const noexcept {
  return path_->mover_ != nullptr && !awaits_header_ &&
         (!settled_here_ || path_->limits_.drain_idle == DrainIdle::keep);
}

bool ConnectionImpl::rests() const noexcept {
  return waits_for_client() && has_nothing_pending() && !enqueued_ && input_ == nullptr && !half_closed_;
}

// While another worker may own it, it stays marked as moving: the keeper must not touch it.
void ConnectionImpl::mark_busy() noexcept {
  if (state_ == State::moving) {
    Ledger* const ledger = departed_fd_ >= 0 ? path_->streams_.ledger_at(departed_fd_) : nullptr;
    if (ledger != nullptr) ledger->set(departed_fd_, Ledger::Mark::moving_busy);
    return;
  }
  if (Ledger* const ledger = path_->streams_.ledger_of(*this)) ledger->set(fd(), Ledger::Mark::busy);
}

void ConnectionImpl::mark_resting() noexcept {
  Ledger* const ledger = path_->streams_.ledger_of(*this);
  if (ledger == nullptr) return;
  Ledger::Entry& entry = ledger->at(fd());
  entry.input_since = std::chrono::nanoseconds(input_since_.time_since_epoch()).count();
  entry.heard = heard_ ? 1 : 0;
  ledger->set(fd(), Ledger::Mark::resting);
}

// ---- Time ----

TimePoint ConnectionImpl::read_deadline() const noexcept {
  if (closing_) return never;
  if (held_replies_ > 0) return deadline_after(input_since_, limits().reply_timeout);
  if (!wants_input()) return never;
  if (half_received_) {
    const std::size_t rate = limits().min_receive_rate;
    const std::chrono::milliseconds extension(rate > 0 ? kept_ * std::uint64_t{1000} / rate : 0);
    return deadline_after(input_since_ + extension, limits().message_timeout);
  }
  if (output_waits()) return never;
  if (heard_) return deadline_after(input_since_, limits().idle_timeout);
  return std::min(deadline_after(input_since_, limits().first_message_timeout),
                  deadline_after(input_since_, limits().idle_timeout));
}

TimePoint ConnectionImpl::write_deadline() const noexcept {
  return blocked_output_ ? deadline_after(output_since_, limits().write_timeout) : never;
}

// Before its turn: when that is. Then, as long as it may speak and has not: when it is no longer waited for.
TimePoint ConnectionImpl::drain_deadline() const noexcept {
  if (!path_->draining_) return never;
  if (!leaving_) return path_->drain_began_ + std::chrono::milliseconds(drain_delay_);
  const bool waits = waits_for_taker() || !wants_input();
  return heard_ || half_received_ || waits ? never : input_since_ + path_->limits_.first_message_grace;
}

void ConnectionImpl::update_timer() noexcept {
  const TimePoint deadline = std::min({read_deadline(), write_deadline(), drain_deadline()});
  if (deadline < armed_until()) path_->wheel_.arm(*this, deadline);
}

void ConnectionImpl::on_timer() {
  if (state_ == State::lingering) return end_linger();
  if (state_ != State::open) return;
  if (write_deadline() <= now()) {
    if (!takes_enough()) return close_now(CloseReason::write_timeout);
    begin_write_period();
  }
  if (read_deadline() <= now()) time_out();
  if (path_->draining_ && !leaving_ && drain_deadline() <= now()) return leave();
  settle();
}

void ConnectionImpl::time_out() {
  if (held_replies_ > 0) return close_when_sent(CloseReason::reply_timeout);
  // The worker was slow, not the client: its bytes are there. The next turn reads them.
  if (path_->streams_.unread(*this) > 0) return;
  if (half_received_) return close_when_sent(CloseReason::message_timeout);
  const bool silent = !heard_ && deadline_after(input_since_, limits().first_message_timeout) <= now();
  close_when_sent(silent ? CloseReason::first_message_timeout : CloseReason::idle_timeout);
}

// ---- The end ----

void ConnectionImpl::close_at_once(CloseReason reason) noexcept {
  if (state_ != State::open && state_ != State::moving) return;
  closing_ = false;  // what was to be sent first no longer matters
  close_now(reason);
}

void ConnectionImpl::close_now(CloseReason reason) noexcept {
  if (state_ == State::moving) return close_when_sent(reason);  // if it stays, or has arrived
  if (state_ != State::open) return;
  state_ = State::closed;
  reason_ = reason;
  path_->wheel_.cancel(*this);
  path_->streams_.want_input(*this, false);
  path_->enqueue(*this);
}

void ConnectionImpl::close_when_sent(CloseReason reason) noexcept {
  if (!may_send()) return;
  closing_ = true;
  reason_ = reason;
  path_->enqueue(*this);
}

void ConnectionImpl::end_at_once(CloseReason busy, CloseReason idle) noexcept {
  if (state_ == State::lingering) return end_linger();
  close_now(has_work_in_hand() ? busy : idle);
}

void ConnectionImpl::finish() {
  if (!never_ours_) {
    path_->count_end(entrance_->service);
    path_->count_close(reason_);
  }
  path_->peers_.leave(peer_, path_->limits_);
  if (handlers().on_close && !awaits_header_) {
    static_cast<void>(guarded("on_close", [this] { handlers().on_close(*this, reason_); }));
  }
  reset_data(nullptr, nullptr);
  path_->buffers_.give_back(std::move(input_));
  path_->buffers_.give_back(std::move(output_));
  count_kept();
  if (should_linger() && begin_linger()) return;
  vacate();
}

bool ConnectionImpl::should_linger() const noexcept {
  if (path_->at_once_ || end_of_input_ || fd() < 0 || path_->lingering_ >= DataPath::max_lingering) return false;
  // !closing_: the peer closed, or close() was called.
  if (!closing_) return false;
  return reason_ == CloseReason::message_too_long || path_->streams_.unread(*this) > 0;
}

bool ConnectionImpl::begin_linger() noexcept {
  if (!path_->streams_.end_output(*this)) return false;
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
  count_kept();
  framer_.reset();
  id_ = 0;
  unread_ = scanned_ = held_replies_ = drain_delay_ = pins_ = 0;
  given_ = 0;
  closing_ = end_of_input_ = half_received_ = choked_ = blocked_output_ = resume_ = heard_ = false;
  final_read_ = last_done_ = leaving_ = tell_room_ = half_closed_ = end_told_ = false;
  settled_here_ = offered_ = never_ours_ = kept_on_way_ = awaits_amendment_ = was_refused_ = awaits_header_ = false;
  state_ = State::vacant;
  path_->table_.release(*this);
}

}  // namespace prefork::internal
