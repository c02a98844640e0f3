// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/io/ledger.hpp"

namespace prefork::internal {

class Streams;

// What a connection is to the bytes that come and go: no socket, no system call, no time of its own. Streams calls it,
// never after Streams::close() or release(), and never from within a call of the session to Streams.
class Session : public EventSource {
 public:
  using TimePoint = EventLoop::TimePoint;

  // Where the next bytes of the client are to go. Empty: into the buffer that all sessions share.
  [[nodiscard]] virtual std::span<char> input_room() noexcept = 0;
  // Bytes came: at the front of input_room(), or in the shared buffer. In the latter case Streams::headroom bytes
  // before them may be overwritten, too. Valid during the call. May come once more after want_input(false).
  virtual void on_input(std::span<char> bytes) = 0;
  // No more bytes will come: end of file (0), or the socket's error. May come after want_input(false), too.
  virtual void on_input_end(int error) = 0;
  // The client has sent its end of file, but there are bytes before it that are not wanted yet. Called once.
  virtual void on_peer_end() = 0;
  // send() had taken less than it was given; now it takes more.
  virtual void on_output_room() = 0;

  [[nodiscard]] int fd() const noexcept { return stream_.fd; }

 protected:
  Session() = default;
  virtual ~Session() = default;
  [[nodiscard]] bool input_is_wanted() const noexcept { return stream_.wanted; }

 private:
  friend class Streams;
  // The back end's own notes about the session.
  struct Stream {
    Streams* streams = nullptr;
    Session* before = nullptr;  // in the list of those with input left to read
    Session* after = nullptr;
    int fd = -1;
    bool listed = false;
    bool wanted = false;         // input is
    bool readable = false;       // there may be input, an end of file or an error
    bool to_end = false;         // now, a short read does not mean that nothing is left
    bool always_to_end = false;  // never does it
    bool watches_room = false;   // epoll reports room for output
    bool blocked = false;        // send() waits for it
    bool peer_ended = false;     // the client's end of file has arrived
    bool end_told = false;       // and the session knows
  };
  void on_events(std::uint32_t events) final;
  Stream stream_;
};

// How the bytes of a worker's connections come and go. EpollStreams is the one for sockets; a test has one in virtual
// time.
class Streams {
 public:
  using TimePoint = EventLoop::TimePoint;
  static constexpr std::size_t read_size = std::size_t{64} * 1024;
  static constexpr std::size_t headroom = 4096;

  // The time at which this turn woke up, and the time now.
  [[nodiscard]] virtual TimePoint now() const noexcept = 0;
  [[nodiscard]] virtual TimePoint clock() const noexcept = 0;

  // Where the sessions are marked; null: nowhere. It outlives them.
  void use_ledger(Ledger* ledger) noexcept { ledger_ = ledger; }
  void set_giver(int fd) noexcept {
    if (ledger_ != nullptr) ledger_->set_giver(fd);
  }
  [[nodiscard]] bool may_mark(int fd) const noexcept { return ledger_ != nullptr && ledger_->covers(fd); }
  // Null: the session is not marked.
  [[nodiscard]] Ledger* ledger_of(const Session& session) const noexcept { return ledger_at(session.fd()); }
  [[nodiscard]] Ledger* ledger_at(int fd) const noexcept { return may_mark(fd) ? ledger_ : nullptr; }

  // Its session has been released, and its descriptor is about to be closed.
  void unmark(int fd) noexcept {
    if (may_mark(fd)) ledger_->set(fd, Ledger::Mark::none);
  }

  // The session is marked busy before each read that brings something, and no longer marked before its descriptor is
  // closed.
  //
  // Begins a session, whose input is wanted. False, and `fd` is closed, if the kernel has no memory to watch it.
  [[nodiscard]] virtual bool open(Session& session, preforkd::UniqueFd fd, bool is_tcp) noexcept = 0;
  // Without want, input stays in the kernel. What has arrived is reported in a later turn, never within the call.
  virtual void want_input(Session& session, bool wanted) noexcept = 0;
  // What the kernel took, or -1: the connection is broken. If it was less than everything, on_output_room() follows.
  [[nodiscard]] virtual ssize_t send(Session& session, std::string_view bytes) noexcept = 0;
  // Bytes that have arrived and were not read. Out-of-band data may be counted as long as there are others.
  [[nodiscard]] virtual std::size_t unread(const Session& session) const noexcept = 0;
  // Bytes that send() took and the peer has not acknowledged.
  [[nodiscard]] virtual std::size_t unacknowledged(const Session& session) const noexcept = 0;
  // Sends an end of file; input still comes. False: the connection is broken.
  [[nodiscard]] virtual bool end_output(Session& session) noexcept = 0;
  // Ends a session. Nothing is in flight any more, and the descriptor is as a new owner wants it.
  [[nodiscard]] virtual preforkd::UniqueFd release(Session& session) noexcept = 0;
  // Ends a session and its connection, also if a forked child holds a copy of the descriptor.
  virtual void close(Session& session) noexcept = 0;

 protected:
  using Stream = Session::Stream;
  virtual ~Streams() = default;
  [[nodiscard]] static Stream& stream_of(Session& session) noexcept { return session.stream_; }
  [[nodiscard]] static const Stream& stream_of(const Session& session) noexcept { return session.stream_; }
  // The mark before.
  Ledger::Mark mark(const Session& session, Ledger::Mark mark) noexcept {
    Ledger* const ledger = ledger_of(session);
    return ledger != nullptr ? ledger->set(session.fd(), mark) : Ledger::Mark::none;
  }

 private:
  friend class Session;
  // What epoll reports for the session's descriptor.
  virtual void on_events(Session& session, std::uint32_t events) = 0;

  Ledger* ledger_ = nullptr;
};

inline void Session::on_events(std::uint32_t events) { stream_.streams->on_events(*this, events); }

}  // namespace prefork::internal
