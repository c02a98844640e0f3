// SPDX-License-Identifier: MIT
#include "worker/service/watchdog.hpp"

#include <algorithm>
#include <chrono>

namespace prefork::internal {

Watchdog::Watchdog(const EventLoop& loop, TimerWheel& wheel, ServiceNotify& notify, preforkd::Duration interval)
    : loop_(loop),
      wheel_(wheel),
      notify_(notify),
      period_(std::max<preforkd::Duration>(interval / 2, std::chrono::milliseconds(1))) {
  wheel_.arm(*this, loop_.now() + period_);
}

Watchdog::~Watchdog() { wheel_.cancel(*this); }

void Watchdog::on_timer() {
  notify_.alive();
  wheel_.arm(*this, loop_.now() + period_);
}

}  // namespace prefork::internal
