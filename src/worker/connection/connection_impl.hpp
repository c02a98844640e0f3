// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/close_reason.hpp>
#include <prefork/connection.hpp>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/unique_fd.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/buffer.hpp"
#include "worker/connection/luggage.hpp"
#include "worker/connection/peer_address.hpp"
#include "worker/connection/service.hpp"
#include "worker/io/ledger.hpp"
#include "worker/io/streams.hpp"

namespace prefork::internal {

class DataPath;
class PostQueue;

// One client: the session behind prefork::Connection. It makes no system call; Streams does.
//
//   vacant ──open()──▶ open ──close_now()──▶ closed ──finish(): on_close──▶ vacant
//     │                 │ ▲                   ▲           └─▶ lingering ──▶ vacant
//     │         depart()▼ │stay(), taken over │
//     └──arrive()────▶ moving ──gone(), not taken over
//
// close_now() is the logical end: no event, no callback and no output after it. on_close runs later in the same turn of
// the loop, when the callback that caused the close has returned; until then the object and its descriptor stay, so
// nothing is used after its end. If its client was still sending, the connection then lingers: close(2) with unread
// bytes would send a reset, and a reset destroys replies on their way.
//
// An open connection that only waits for its client's next message owns no memory but this object: it is read into the
// worker's read buffer and written from the worker's scratch output. Only the unfinished part of a message and the
// output that the kernel did not take get a buffer of their own, from the worker's pool.
//
// The time-outs share one timer. It is moved when its deadline comes nearer, not when the deadline moves away: a
// message only stores the time, and a timer that fires too early checks the deadlines again.
class ConnectionImpl final : public Connection, public Session, public TimerNode {
 public:
  [[nodiscard]] static ConnectionImpl& of(Connection& connection) noexcept {
    return static_cast<ConnectionImpl&>(connection);
  }
  [[nodiscard]] static const ConnectionImpl& of(const Connection& connection) noexcept {
    return static_cast<const ConnectionImpl&>(connection);
  }

  ConnectionImpl() = default;
  ConnectionImpl(const ConnectionImpl&) = delete;
  ConnectionImpl& operator=(const ConnectionImpl&) = delete;
  ~ConnectionImpl() override;

  // Begins a connection in a vacant object and calls on_connect; `through_proxy`: when its header has come, or what the
  // client sends has not begun as one. False, and the socket is closed, if the kernel had no memory to watch it.
  [[nodiscard]] bool open(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd, const PeerAddress& peer,
                          const Entrance& entrance, bool through_proxy);

  // Begins a connection that another worker has, in the state `moving`: calls on_adopt and then `take_over`.
  // `not_begun`: no memory. `ended`: one of the two failed; the other worker keeps it, and on_close follows.
  enum class Arrival : std::uint8_t { taken, ended, not_begun };
  [[nodiscard]] Arrival arrive(DataPath& path, std::uint64_t id, preforkd::UniqueFd fd, const Entrance& entrance,
                               const Luggage& luggage, const std::function<bool()>& take_over);
  // It could be given to another worker now: with the beginning of a message and with unsent output, but not while a
  // reply is owed or a call of the application is pending.
  [[nodiscard]] bool may_move() const noexcept;
  // Nothing of it is in this worker's hands.
  [[nodiscard]] bool rests() const noexcept;
  // What another worker has to know. The views are valid until the next call for this connection.
  [[nodiscard]] Luggage luggage() const noexcept;
  // From now on it neither reads nor writes. Returns its descriptor. What the application does meanwhile happens when
  // it stays, or is for whoever takes it.
  [[nodiscard]] preforkd::UniqueFd depart() noexcept;
  // It was not taken: it continues here.
  void stay(preforkd::UniqueFd fd);
  // What the application has done since depart(). The views are valid until the next call for this connection.
  [[nodiscard]] Amendment amendment() const noexcept;
  // Does what the application of the worker before did while this connection came here.
  void amend(const Amendment& amendment);
  // On its way: a taker died or hung, perhaps because of this connection; or it did so at it.
  void suspect(Ledger::Suspicion suspicion) noexcept;
  // Another worker has it. What depart() has returned is not closed before.
  void gone() noexcept;
  // It is not offered again; or it is, when it may move.
  void do_not_move() noexcept { settled_here_ = true; }
  void renew_offer() noexcept { offered_ = false; }
  // A taker has refused it. True: for the first time.
  [[nodiscard]] bool note_refusal() noexcept { return !std::exchange(was_refused_, true); }
  [[nodiscard]] bool was_refused() const noexcept { return was_refused_; }

  // As documented for prefork::Connection and prefork::Reply.
  void keep_state(std::string_view state);
  void pin() noexcept;
  void unpin() noexcept;
  void send_message(std::initializer_list<std::string_view> parts) noexcept;
  void send_bytes(std::string_view bytes) noexcept;
  void hold_reply() noexcept { ++held_replies_; }
  void release_reply() noexcept;
  void close_at_once(CloseReason reason) noexcept;
  void close_when_sent(CloseReason reason) noexcept;
  [[nodiscard]] std::string peer_text() const { return peer_.text(fd()); }
  [[nodiscard]] const ProxyHeader* proxy_header() const noexcept;
  [[nodiscard]] std::uint64_t id() const noexcept { return id_; }
  [[nodiscard]] std::size_t unsent() const noexcept;
  [[nodiscard]] bool writable() const noexcept { return !choked_; }
  [[nodiscard]] bool half_closed() const noexcept { return half_closed_; }
  [[nodiscard]] bool is_tcp() const noexcept { return entrance_->is_tcp; }
  [[nodiscard]] const std::string& listener() const noexcept { return entrance_->listener; }
  [[nodiscard]] const std::shared_ptr<PostQueue>& home() const noexcept;
  void set_framing(const Framing& framing);
  using Session::fd;
  void reset_data(void* object, void (*destroy)(void*)) noexcept;
  [[nodiscard]] void* raw_data() const noexcept { return data_; }

  [[nodiscard]] bool is_vacant() const noexcept { return state_ == State::vacant; }
  // A reply is pending, output is unsent, or a message has begun to arrive.
  [[nodiscard]] bool has_work_in_hand() const noexcept;

  // The worker leaves: answers what was received so far, waits for the rest of a message that has begun, or for the
  // first message of a new client (Limits::first_message_grace), then closes.
  void begin_drain();
  // The opposite of begin_drain().
  void do_not_leave() noexcept;
  // Does what later callbacks, replies and closes have left to do. DataPath calls it at the end of the turn after
  // DataPath::enqueue().
  void settle_turn();
  // settle_turn() may deliver messages or call on_writable, which may take long.
  [[nodiscard]] bool has_late_input() const noexcept {
    return state_ == State::open && !closing_ && resume_ && (input_ != nullptr || tell_room_);
  }

  // Called just before the worker exits.
  void end_at_once(CloseReason busy, CloseReason idle) noexcept;

  // Session
  [[nodiscard]] std::span<char> input_room() noexcept override;
  void on_input(std::span<char> bytes) override;
  void on_input_end(int error) override;
  void on_peer_end() override;
  void on_output_room() override;
  // TimerNode
  void on_timer() override;

 private:
  using TimePoint = Session::TimePoint;
  friend class ConnectionTable;
  friend class Cork;
  friend class DataPath;
  enum class State : std::uint8_t { vacant, open, moving, closed, lingering };

  // Input
  [[nodiscard]] bool may_deliver() const noexcept {
    return state_ == State::open && !closing_ && !choked_ && held_replies_ == 0;
  }
  [[nodiscard]] bool wants_input() const noexcept { return may_deliver() && !end_of_input_ && !resume_; }
  [[nodiscard]] const Framer& framer() const noexcept { return framer_ ? *framer_ : entrance_->service.framer; }
  [[nodiscard]] const LimitValues& limits() const noexcept { return entrance_->service.limits; }
  [[nodiscard]] const Handlers& handlers() const noexcept { return entrance_->service.handlers; }
  [[nodiscard]] Cut next_message(std::string_view input, std::size_t& consumed, std::string_view& message);
  void take(std::span<char> bytes);
  void take_all(std::string_view bytes);
  void keep(std::string_view rest) noexcept;
  [[nodiscard]] std::size_t deliver(std::string_view bytes);
  void deliver_kept();
  void shrink_input() noexcept;
  void deliver_message(std::string_view message);
  void greet();
  [[nodiscard]] std::size_t take_proxy_header(std::string_view bytes);
  [[nodiscard]] bool become(const PeerAddress& client) noexcept;
  void count_kept() noexcept;
  void tell_half_close();
  void resume() noexcept;

  // Output
  [[nodiscard]] bool may_send() const noexcept {
    return (state_ == State::open || state_ == State::moving) && !closing_;
  }
  [[nodiscard]] Buffer* output_target() noexcept;
  void appended(Buffer& target) noexcept;
  [[nodiscard]] bool exceeds_output(const Buffer& target) const noexcept;
  void drop_empty_output() noexcept;
  void flush_scratch() noexcept;
  void keep_unsent(std::string_view bytes) noexcept;
  void begin_write_period() noexcept;
  [[nodiscard]] bool takes_enough() noexcept;
  void write_rest() noexcept;
  [[nodiscard]] bool output_waits() const noexcept { return output_ != nullptr; }

  // After each event
  [[nodiscard]] bool waits_for_client() const noexcept { return wants_input() && !output_waits() && input_is_wanted(); }
  [[nodiscard]] bool is_calm() const noexcept;
  void settle();
  void leave();
  void drain_step();

  // Time
  [[nodiscard]] TimePoint now() const noexcept;
  [[nodiscard]] TimePoint read_deadline() const noexcept;
  [[nodiscard]] TimePoint write_deadline() const noexcept;
  [[nodiscard]] TimePoint drain_deadline() const noexcept;
  void update_timer() noexcept;
  void time_out();

  // The end
  void close_now(CloseReason reason) noexcept;
  void finish();
  [[nodiscard]] bool should_linger() const noexcept;
  [[nodiscard]] bool begin_linger() noexcept;
  void discard(std::size_t bytes) noexcept;
  void end_linger() noexcept;
  void vacate() noexcept;

  // To and from another worker
  void begin(DataPath& path, std::uint64_t id, const PeerAddress& peer, const Entrance& entrance) noexcept;
  [[nodiscard]] bool keep_state_of(std::string_view state, std::uint32_t version) noexcept;
  [[nodiscard]] bool can_move() const noexcept;
  [[nodiscard]] bool has_nothing_pending() const noexcept;
  [[nodiscard]] bool waits_for_taker() const noexcept;
  void mark_busy() noexcept;
  void mark_resting() noexcept;
  void end_moving(CloseReason reason) noexcept;

  DataPath* path_ = nullptr;
  const Entrance* entrance_ = nullptr;
  std::unique_ptr<const Framer> framer_;  // its own; else that of its service
  ConnectionImpl* next_ = nullptr;        // in a queue of DataPath, or among the vacant objects of the table
  std::uint64_t id_ = 0;
  std::unique_ptr<Buffer> input_;   // received and not yet delivered
  std::unique_ptr<Buffer> output_;  // never empty: what the kernel has not taken, or what a later callback has queued
  void* data_ = nullptr;
  void (*destroy_data_)(void*) = nullptr;
  TimePoint input_since_;   // the last message, or the first byte of an unfinished one; before them, the accept
  TimePoint output_since_;  // the beginning of the present write_timeout, while blocked_output_
  // Bytes to be acknowledged: those in the kernel when the present write_timeout began, and those given to it since.
  std::uint64_t given_ = 0;
  PeerAddress peer_;
  std::uint32_t place_ = 0;  // in the table; never changes
  // Draining: bytes that the kernel held when it began. Lingering: bytes that may still be discarded.
  std::uint32_t unread_ = 0;
  std::uint32_t scanned_ = 0;  // bytes of input_ that the framer has searched without result
  std::uint32_t held_replies_ = 0;
  std::uint32_t kept_ = 0;         // bytes of input_, as DataPath has counted them
  std::uint32_t drain_delay_ = 0;  // milliseconds after the drain began, until which this one is served
  std::uint32_t pins_ = 0;         // the application is in the middle of something
  // While it is on its way to another worker: its descriptor, and the bytes of output_ that are on their way, too.
  int departed_fd_ = -1;
  std::uint32_t departed_output_ = 0;
  State state_ = State::vacant;
  CloseReason reason_ = CloseReason::peer_closed;
  bool closing_ = false;           // closes for reason_ once the output is sent
  bool end_of_input_ = false;      // the client's end of file was read: no input follows
  bool half_received_ = false;     // input_ ends within a message
  bool choked_ = false;            // output above the high mark: no message is delivered until it is below half of it
  bool blocked_output_ = false;    // the kernel takes no more for now
  bool enqueued_ = false;          // in a queue of DataPath
  bool resume_ = false;            // input_ may hold messages that can be delivered now
  bool final_read_ = false;        // draining, and all was read except the rest of one message
  bool last_done_ = false;         // and that message was delivered
  bool heard_ = false;             // a message was delivered
  bool leaving_ = false;           // draining, and it is this connection's turn
  bool tell_room_ = false;         // on_writable is to be called
  bool half_closed_ = false;       // the client's end of file has arrived, maybe behind input that is not read yet
  bool end_told_ = false;          // on_half_close was called
  bool settled_here_ = false;      // no other worker can take it, or the last one does not
  bool offered_ = false;           // to path_->mover_
  bool never_ours_ = false;        // it did not arrive
  bool kept_on_way_ = false;       // keep_state() was called since depart()
  bool was_refused_ = false;       // by a taker, for itself
  bool awaits_header_ = false;     // of a proxy: on_connect has not run yet
  bool awaits_amendment_ = false;  // the worker before may have done something that is not known here yet
};

}  // namespace prefork::internal
