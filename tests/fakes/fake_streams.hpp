// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "worker/io/streams.hpp"

namespace prefork::fakes {

// Streams without a kernel, in virtual time: bytes of a client arrive in pieces of any size, the kernel takes output in
// pieces of any size, and any call may fail. All that happens follows from the seed.
class FakeStreams final : public internal::Streams {
 public:
  using Session = internal::Session;

  // What may happen, in calls of a thousand.
  struct Odds {
    unsigned open_fails = 0;
    unsigned send_fails = 0;
    unsigned input_fails = 0;
    unsigned late_input = 0;  // bytes come after want_input(false)
  };

  // One client's socket, both ends.
  struct Wire {
    Session* session = nullptr;  // until the server closes
    bool wanted = true;
    bool blocked = false;
    std::string in_flight;  // from the client, not yet arrived
    std::string arrived;    // in the kernel, not yet read
    std::string sent;       // to the client
    std::size_t room = 0;   // bytes that the kernel takes now
    bool client_ended = false;
    bool end_arrived = false;
    bool end_told = false;
    bool input_ended = false;  // the session was told
    bool output_ended = false;
    bool released = false;
  };

  FakeStreams(std::minstd_rand& random, Odds odds) : random_(random), odds_(odds), buffer_(shared_buffer()) {}

  // Connects a client: its number.
  int connect() {
    wires_.push_back({});
    return static_cast<int>(wires_.size() - 1);
  }
  [[nodiscard]] Wire& wire(int client) { return wires_[static_cast<std::size_t>(client)]; }
  void pass(std::chrono::nanoseconds time) { clock_ += time; }
  // A turn wakes up, and nothing is delivered yet.
  void wake() { now_ = clock_; }

  // What the kernel would report now, to each session at most one thing of each kind.
  void turn() {
    now_ = clock_;
    for (std::size_t i = 0; i < wires_.size(); ++i) {
      arrive(wires_[i]);
      if (wires_[i].session != nullptr) make_room(wires_[i]);
      if (wires_[i].session != nullptr) input(wires_[i], 0);
    }
  }

  // The same without chance: all that has arrived is read, at most one read per session.
  void deliver() {
    now_ = clock_;
    for (Wire& wire : wires_) {
      if (wire.session == nullptr) continue;
      if (wire.room > 0 && std::exchange(wire.blocked, false)) wire.session->on_output_room();
      if (wire.session != nullptr) input(wire, read_size);
    }
  }

  [[nodiscard]] TimePoint now() const noexcept override { return now_; }
  [[nodiscard]] TimePoint clock() const noexcept override { return clock_; }

  // The client of the next session; else it is the last one that connect() has made.
  void reopen(int client) { reopened_ = client; }
  // A mark that would be wrong if the process were killed now; empty if all were right.
  [[nodiscard]] const std::string& wrong_mark() const { return wrong_mark_; }

  [[nodiscard]] bool open(Session& session, preforkd::UniqueFd, bool) noexcept override {
    const int client = reopened_ < 0 ? static_cast<int>(wires_.size() - 1) : std::exchange(reopened_, -1);
    Wire& wire = wires_[static_cast<std::size_t>(client)];
    stream_of(session).fd = client;
    stream_of(session).streams = this;
    if (happens(odds_.open_fails)) {
      stream_of(session).fd = -1;
      return false;
    }
    stream_of(session).wanted = wire.wanted = true;
    wire.input_ended = wire.end_told = wire.blocked = false;  // the kernel reports it again
    wire.session = &session;
    return true;
  }
  void want_input(Session& session, bool wanted) noexcept override {
    stream_of(session).wanted = wanted;
    wire_of(session).wanted = wanted;
  }
  [[nodiscard]] ssize_t send(Session& session, std::string_view bytes) noexcept override {
    Wire& wire = wire_of(session);
    expect_busy(session, "send");
    if (happens(odds_.send_fails)) return -1;
    const std::size_t taken = std::min(bytes.size(), wire.room);
    wire.sent.append(bytes.substr(0, taken));
    wire.room -= taken;
    wire.blocked = taken < bytes.size();
    return static_cast<ssize_t>(taken);
  }
  [[nodiscard]] std::size_t unread(const Session& session) const noexcept override {
    return wires_[static_cast<std::size_t>(session.fd())].arrived.size();
  }
  [[nodiscard]] std::size_t unacknowledged(const Session&) const noexcept override { return 0; }
  [[nodiscard]] bool end_output(Session& session) noexcept override {
    wire_of(session).output_ended = true;
    return true;
  }
  [[nodiscard]] preforkd::UniqueFd release(Session& session) noexcept override {
    Wire& wire = wire_of(session);
    wire.released = true;
    wire.session = nullptr;
    stream_of(session).fd = -1;
    return {};
  }
  void close(Session& session) noexcept override {
    if (session.fd() < 0) return;  // released
    mark(session, internal::Ledger::Mark::none);
    Wire& wire = wire_of(session);
    wire.session = nullptr;
    wire.output_ended = true;
    stream_of(session).fd = -1;
  }

  // From `from` to `to`.
  std::size_t between(std::size_t from, std::size_t to) { return from + random_() % (to - from + 1); }
  bool happens(unsigned in_a_thousand) noexcept { return in_a_thousand > 0 && random_() % 1000 < in_a_thousand; }

  void expect_busy(const Session& session, const char* when) {
    internal::Ledger* const ledger = ledger_of(session);
    if (ledger == nullptr || ledger->at(session.fd()).mark.load() == internal::Ledger::Mark::busy) return;
    wrong_mark_ = std::string("not busy at ") + when;
  }

 private:
  // One for all, because a random test makes a million of these objects.
  static std::string& shared_buffer() {
    thread_local std::string buffer(headroom + read_size, '\0');
    return buffer;
  }
  void on_events(Session&, std::uint32_t) override { throw std::logic_error("no epoll here"); }
  [[nodiscard]] Wire& wire_of(Session& session) noexcept { return wires_[static_cast<std::size_t>(session.fd())]; }

  void arrive(Wire& wire) {
    const std::size_t size = between(0, wire.in_flight.size());
    wire.arrived.append(wire.in_flight, 0, size);
    wire.in_flight.erase(0, size);
    if (wire.client_ended && wire.in_flight.empty() && happens(500)) wire.end_arrived = true;
  }

  void make_room(Wire& wire) {
    if (happens(300)) return;
    wire.room = happens(500) ? between(0, 20) : between(0, 100'000);
    if (wire.room > 0 && std::exchange(wire.blocked, false)) wire.session->on_output_room();
  }

  // Reads a piece of at least `least` bytes, if there are so many.
  void input(Wire& wire, std::size_t least) {
    Session& session = *wire.session;
    const bool late = !wire.wanted && !wire.input_ended && happens(odds_.late_input);
    if (!wire.wanted && !late) {
      if (wire.end_arrived && !std::exchange(wire.end_told, true)) session.on_peer_end();
      return;
    }
    if (wire.input_ended) return;
    if (happens(odds_.input_fails)) {
      wire.input_ended = true;
      return session.on_input_end(104);
    }
    if (!wire.arrived.empty()) {
      mark(session, internal::Ledger::Mark::busy);
      std::span<char> room = session.input_room();
      if (room.empty()) room = {buffer_.data() + headroom, read_size};
      const std::size_t most = std::min(room.size(), wire.arrived.size());
      const std::size_t size = between(std::clamp<std::size_t>(least, 1, most), most);
      std::copy_n(wire.arrived.begin(), size, room.begin());
      wire.arrived.erase(0, size);
      return session.on_input(room.first(size));
    }
    if (wire.end_arrived) {
      mark(session, internal::Ledger::Mark::busy);
      wire.input_ended = true;
      session.on_input_end(0);
    }
  }

  std::minstd_rand& random_;
  const Odds odds_;
  std::string& buffer_;
  std::vector<Wire> wires_;
  int reopened_ = -1;
  std::string wrong_mark_;
  TimePoint clock_{std::chrono::hours(1)};
  TimePoint now_ = clock_;
};

}  // namespace prefork::fakes
