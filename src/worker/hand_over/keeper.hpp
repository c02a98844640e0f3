// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <string>

#include "base/unique_fd.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/hand_over/keeper_process.hpp"

namespace prefork::internal {

// The worker's keeper (keeper_process.hpp), as long as the worker lives: starts it, starts another one if it dies,
// after a while if it dies at once, and ends it when the worker ends in order. A worker without one serves on; the log
// says so.
class Keeper final : public EventSource, private TimerNode {
 public:
  // `control_fd` is borrowed. `name` of the worker: "echo[1]".
  Keeper(EventLoop& loop, TimerWheel& wheel, const Ledger& ledger, int control_fd, std::chrono::milliseconds patience,
         const std::string& name);
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  void on_events(std::uint32_t events) override;
  void on_timer() override;
  void start() noexcept;
  void lack(const std::string& why);
  void forget() noexcept;

  EventLoop& loop_;
  TimerWheel& wheel_;
  const std::string title_;
  preforkd::UniqueFd own_pidfd_;
  KeeperPlan plan_;
  pid_t pid_ = 0;
  preforkd::UniqueFd pidfd_;
  EventLoop::TimePoint started_;
};

}  // namespace prefork::internal
