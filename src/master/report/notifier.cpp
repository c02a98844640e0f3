// SPDX-License-Identifier: MIT
#include "master/report/notifier.hpp"

#include <systemd/sd-daemon.h>

#include <cstdlib>

#include "master/base/event_loop.hpp"

namespace preforkd {

Notifier::Notifier() : connected_(std::getenv("NOTIFY_SOCKET") != nullptr) {}

void Notifier::ready(const std::string& status) {
  if (!connected_) return;
  status_ = status;
  sd_notify(0, ("READY=1\nSTATUS=" + status).c_str());
}

bool Notifier::status(const std::string& status) {
  if (!connected_ || status == status_) return false;
  status_ = status;
  sd_notify(0, ("STATUS=" + status).c_str());
  return true;
}

void Notifier::reloading() {
  if (!connected_) return;
  const Instant now = SteadyClock().now();
  sd_notify(0, ("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now.time_since_epoch().count())).c_str());
}

void Notifier::extend_timeout(Duration by) {
  if (!connected_) return;
  sd_notify(0, ("EXTEND_TIMEOUT_USEC=" + std::to_string(by.count())).c_str());
}

void Notifier::stopping(const std::string& status) {
  if (!connected_) return;
  status_ = status;
  sd_notify(0, ("STOPPING=1\nSTATUS=" + status).c_str());
}

}  // namespace preforkd
