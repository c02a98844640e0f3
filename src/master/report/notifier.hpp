// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "master/base/instant.hpp"

namespace preforkd {

// Our own messages to systemd (sd_notify(3)). Without $NOTIFY_SOCKET every call does nothing.
class Notifier {
 public:
  // Looks at $NOTIFY_SOCKET once.
  Notifier();

  [[nodiscard]] bool connected() const noexcept { return connected_; }

  void ready(const std::string& status);
  // Sends a status that differs from the last one. True if it did.
  bool status(const std::string& status);
  // A reload begins; ready() ends it. With MONOTONIC_USEC=, as Type=notify-reload asks for.
  void reloading();
  // What runs now may take so much longer, from now on, than the unit's timeout allows.
  void extend_timeout(Duration by);
  void stopping(const std::string& status);

 private:
  bool connected_;
  std::string status_;
};

}  // namespace preforkd
