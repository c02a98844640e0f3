// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <optional>
#include <utility>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/connection/data_path.hpp"
#include "worker/hand_over/giver.hpp"
#include "worker/hand_over/taker.hpp"
#include "worker/service/control_link.hpp"

namespace prefork::internal {

// How the services of a server split bytes into messages, as a number. Of a custom framing only that it is one.
[[nodiscard]] std::uint64_t framing_fingerprint(const std::list<ServiceSetup>& services) noexcept;

// A worker's part in moving connections between the workers of its pool. The master brings a giver and a taker
// together, and each of them does the rest.
//
//   serving ── Give, stop signal ──▶ giving ── the last connection is gone ──▶ the worker exits
//      │                              │  ▲
//      │            the taker failed: │  │ Give: another taker
//      │                        Seeks ▼  │
//      └── stop signal: Seeks ──▶ seeking ── NoTaker, or no answer ──▶ it drains as a worker that has no master does
//
// Connections that come from others are taken at any time, until this worker leaves.
class HandOver final : private MasterObserver, private Mover, private TimerNode {
 public:
  struct Callbacks {
    std::function<void()> on_master_gone;
    std::function<void(unsigned permille)> on_report_busy;
    std::function<void(const preforkd::control::Meet& other, preforkd::UniqueFd socket)> on_meet;
    std::function<void()> on_no_taker;  // the mover that begin_drain() has returned must not be used any more
  };

  // `moves`: the connections of this worker may move. Takes over `control_fd`. Throws as ControlLink.
  HandOver(EventLoop& loop, TimerWheel& wheel, DataPath& path, const std::deque<Entrance>& entrances, bool moves,
           preforkd::UniqueFd control_fd, Callbacks callbacks);
  ~HandOver();
  HandOver(const HandOver&) = delete;
  HandOver& operator=(const HandOver&) = delete;

  // Before READY=1: tells the master that connections may move.
  void say_hello(std::uint64_t framing) noexcept;
  // Before READY=1: tells the master that this worker exchanges messages with others.
  void say_talks() noexcept { link_.send(preforkd::control::Talks{}); }
  void say_busy() noexcept { link_.send(preforkd::control::Busy{}); }
  // The worker leaves. Null: its connections do not move. Otherwise on_no_taker may follow.
  [[nodiscard]] Mover* begin_drain();
  [[nodiscard]] int control_fd() const noexcept { return link_.fd(); }
  // At the end of each turn.
  void settle();
  // A taker does not know everything yet that it has to know.
  [[nodiscard]] bool is_giving() const noexcept { return giver_ && giver_->busy(); }
  // What is on its way continues here, and nothing more is given.
  void stop();

 private:
  void on_give(const preforkd::control::Give& give, preforkd::UniqueFd socket) override;
  void on_take(preforkd::UniqueFd socket) override;
  void on_no_taker() override;
  void on_report_busy(const preforkd::control::ReportBusy& report) override {
    callbacks_.on_report_busy(report.permille);
  }
  void on_meet(const preforkd::control::Meet& other, preforkd::UniqueFd socket) override {
    callbacks_.on_meet(other, std::move(socket));
  }
  void on_master_gone() override;
  void offer(ConnectionImpl& connection) noexcept override;
  void on_timer() override;
  void begin_giving(preforkd::UniqueFd socket);
  void give_resting(std::uint32_t max);
  void end_giving();
  void seek();
  void on_no_taker_left();

  EventLoop& loop_;
  TimerWheel& wheel_;
  DataPath& path_;
  const std::deque<Entrance>& entrances_;
  const bool moves_;
  const Callbacks callbacks_;
  preforkd::UniqueFd offered_;  // a taker for when this worker leaves
  std::optional<Giver> giver_;
  std::list<Taker> takers_;
  unsigned failures_ = 0;
  std::optional<preforkd::transfer::Refusal> refusal_of_all_;  // the last one
  bool leaving_ = false;
  bool seeking_ = false;
  bool master_gone_ = false;
  ControlLink link_;
};

}  // namespace prefork::internal
