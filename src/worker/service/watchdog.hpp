// SPDX-License-Identifier: MIT
#pragma once

#include "base/time_span.hpp"
#include "worker/base/event_loop.hpp"
#include "worker/base/timer_wheel.hpp"
#include "worker/service/service_notify.hpp"

namespace prefork::internal {

// Sends a ping to the service manager at half of its interval, as long as the loop runs.
class Watchdog final : private TimerNode {
 public:
  Watchdog(const EventLoop& loop, TimerWheel& wheel, ServiceNotify& notify, preforkd::Duration interval);
  ~Watchdog();
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

 private:
  void on_timer() override;

  const EventLoop& loop_;
  TimerWheel& wheel_;
  ServiceNotify& notify_;
  const preforkd::Duration period_;
};

}  // namespace prefork::internal
