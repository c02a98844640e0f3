// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/service/service_notify.hpp"

namespace prefork::internal {

// Shows the state of this worker: to the service manager (READY=1, STATUS=, STOPPING=1) and, in a pool, in ps(1) by the
// process title ("prefork-echo: echo[1] ready, 12 connections"). At most once a second and only after a change, so an
// idle worker sleeps. If there is no memory for a text, the state is sent without it, and the title does not change.
class ServiceStatus final : private TimerNode {
 public:
  // `label`: "echo[1]", empty outside a pool: then the title does not change.
  ServiceStatus(const EventLoop& loop, TimerWheel& wheel, ServiceNotify notify, std::string label);
  ~ServiceStatus();
  ServiceStatus(const ServiceStatus&) = delete;
  ServiceStatus& operator=(const ServiceStatus&) = delete;

  void ready() noexcept;
  void stopping() noexcept;
  // The number of connections; called each turn, costs two comparisons.
  void update(std::size_t connections) noexcept {
    if (connections != connections_ || text_changed_) change(connections);
  }
  // The application's own text, instead of the number of connections, in STATUS=.
  void set_text(std::string_view text);

  [[nodiscard]] ServiceNotify& notify() noexcept { return notify_; }

 private:
  enum class Phase { starting, ready, draining };

  void change(std::size_t connections) noexcept;
  void tell() noexcept;
  const std::string& renew_told() noexcept;
  [[nodiscard]] std::string status_text() const;
  void show_title() noexcept;
  [[nodiscard]] std::string title() const;
  void on_timer() override;

  const EventLoop& loop_;
  TimerWheel& wheel_;
  ServiceNotify notify_;
  const std::string label_;
  std::string text_;
  bool text_changed_ = false;
  Phase phase_ = Phase::starting;
  std::size_t connections_ = 0;
  std::string told_;  // the last STATUS=
  std::optional<EventLoop::TimePoint> told_at_;
};

}  // namespace prefork::internal
