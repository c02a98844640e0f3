// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/unique_fd.hpp"
#include "wire/packet.hpp"
#include "wire/transfer.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

// Gives connections of this worker to another one, over a socket pair (wire/transfer.hpp). A connection that is on its
// way is in the state `moving`; it ends with Taken, followed by what the program did with it meanwhile, or continues
// here if it is refused or the taker fails. A connection's serial is its descriptor, by which a keeper can read the
// answers, too.
class Giver final : public EventSource, private TimerNode {
 public:
  // Throws std::system_error if epoll rejects the socket.
  Giver(EventLoop& loop, TimerWheel& wheel, DataPath& path, preforkd::UniqueFd socket);
  ~Giver();
  Giver(const Giver&) = delete;
  Giver& operator=(const Giver&) = delete;

  // The connection may move. It is sent when its turn comes, if it still may; if not, its offer is renewed.
  void offer(ConnectionImpl& connection) noexcept;
  // What was not taken yet continues here.
  void stop() { end(Cause::in_order); }
  // No more are offered: the giver has ended when all are answered.
  void close() noexcept { closed_ = true; }

  // Something is on its way, or the taker has not confirmed it.
  [[nodiscard]] bool busy() const noexcept {
    return !parcels_.empty() || sending_ || !amendments_.empty() || !unconfirmed_.empty();
  }
  // Nothing more will be given, and nothing is on its way. `failed`: the taker has died, hangs, leaves or is full.
  [[nodiscard]] bool ended() const noexcept { return failed_ || (closed_ && waiting_.empty() && !busy()); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint32_t moved() const noexcept { return moved_; }
  // Those that the taker has refused for themselves; each is counted once, whoever refuses it.
  [[nodiscard]] const preforkd::transfer::RefusalCounts& refused() const noexcept { return refused_; }
  // Why the taker takes none any more, if it has said so.
  [[nodiscard]] std::optional<preforkd::transfer::Refusal> refusal_of_all() const noexcept { return refusal_of_all_; }

 private:
  struct Parcel {
    ConnectionImpl* connection = nullptr;
    preforkd::UniqueFd fd;
    std::uint64_t number = 0;  // in the order in which they are sent
    bool tried = false;        // the taker has said Trying
  };

  // A message and its payload, in as many packets as they need.
  struct Shipment {
    std::uint32_t serial = 0;
    std::string head;
    std::string payload;
    int fd = -1;            // borrowed; goes with the first packet
    preforkd::UniqueFd of;  // the connection of an amendment with content
    std::size_t sent = 0;   // bytes of the payload
    bool begun = false;

    [[nodiscard]] bool is_done() const noexcept { return begun && sent == payload.size(); }
  };

  enum class Cause { in_order, broken };

  void on_events(std::uint32_t events) override;
  void on_timer() override;
  void pump();
  [[nodiscard]] bool begin_next();
  // False: try again later.
  [[nodiscard]] bool send_shipment();
  [[nodiscard]] preforkd::PacketSent send_piece(Shipment& shipment);
  // False: no answer waits, or the taker has closed its end.
  [[nodiscard]] bool take_answer();
  void settle(std::uint32_t serial, const preforkd::transfer::Answer& answer);
  void amend(std::uint32_t serial, const Amendment& amendment, preforkd::UniqueFd& fd);
  void end(Cause cause);
  void suspect();
  void shut_down_unconfirmed() noexcept;
  void send_last_amendments();

  EventLoop& loop_;
  TimerWheel& wheel_;
  DataPath& path_;
  preforkd::UniqueFd socket_;
  std::deque<std::uint64_t> waiting_;  // ids of connections
  std::unordered_map<std::uint32_t, Parcel> parcels_;
  std::uint64_t parcels_sent_ = 0;
  std::deque<Shipment> amendments_;
  // Connections whose amendment was sent, by serial. They must not go on if the taker does not know it.
  std::unordered_map<std::uint32_t, preforkd::UniqueFd> unconfirmed_;
  std::optional<Shipment> sending_;
  EventLoop::TimePoint answer_due_;
  std::uint32_t moved_ = 0;
  preforkd::transfer::RefusalCounts refused_{};
  std::optional<preforkd::transfer::Refusal> refusal_of_all_;
  bool closed_ = false;
  bool failed_ = false;
  bool taker_gone_ = false;  // it has closed its end
};

}  // namespace prefork::internal
