// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

#include "base/unique_fd.hpp"
#include "wire/transfer.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"

namespace prefork::internal {

// Gives connections of this worker to another one, over a socket pair (wire/transfer.hpp). A connection that is on its
// way is in the state `moving`; it ends with Taken, or continues here if it is refused or the taker fails. A
// connection's serial is its descriptor, by which a keeper can read the answers, too.
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
  void stop() { fail(); }
  // No more are offered: the giver has ended when all are answered.
  void close() noexcept { closed_ = true; }

  // Nothing more will be given, and nothing is on its way. `failed`: the taker has died, hangs, leaves or is full.
  [[nodiscard]] bool ended() const noexcept { return failed_ || (closed_ && waiting_.empty() && parcels_.empty()); }
  [[nodiscard]] bool failed() const noexcept { return failed_; }
  [[nodiscard]] std::uint32_t moved() const noexcept { return moved_; }
  [[nodiscard]] const preforkd::transfer::RefusalCounts& refused() const noexcept { return refused_; }

 private:
  struct Parcel {
    ConnectionImpl* connection = nullptr;
    preforkd::UniqueFd fd;
    preforkd::transfer::Connection header;
    std::string payload;   // empty once it is sent
    std::size_t sent = 0;  // bytes of it
    bool begun = false;    // its descriptor is sent
  };

  void on_events(std::uint32_t events) override;
  void on_timer() override;
  void pump();
  [[nodiscard]] bool begin_next();
  [[nodiscard]] bool send_parcel();
  [[nodiscard]] bool send_piece(Parcel& parcel);
  // False: no answer waits, or the taker has closed its end.
  [[nodiscard]] bool take_answer();
  void settle(std::uint32_t serial, const preforkd::transfer::Answer& answer);
  void fail();

  EventLoop& loop_;
  TimerWheel& wheel_;
  DataPath& path_;
  preforkd::UniqueFd socket_;
  std::deque<std::uint64_t> waiting_;  // ids of connections
  std::unordered_map<std::uint32_t, Parcel> parcels_;
  Parcel* sending_ = nullptr;  // the last parcel, while a part of it is not sent
  EventLoop::TimePoint answer_due_;
  std::uint32_t moved_ = 0;
  preforkd::transfer::RefusalCounts refused_{};
  bool closed_ = false;
  bool failed_ = false;
  bool taker_done_ = false;  // it has closed its end or refuses all
};

}  // namespace prefork::internal
