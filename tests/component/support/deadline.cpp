// SPDX-License-Identifier: MIT
#include "support/deadline.hpp"

#include <poll.h>

#include <cerrno>

namespace preforkd::component {

bool wait_ready(int fd, short events, const Deadline& deadline) {
  pollfd entry{fd, events, 0};
  for (;;) {
    const int ready = ::poll(&entry, 1, deadline.poll_timeout());
    if (ready > 0) return true;
    if (ready == 0) return false;
    if (errno != EINTR) throw HarnessError("poll failed");
  }
}

bool eventually(const std::function<bool()>& holds, const Deadline& deadline) {
  constexpr int interval_ms = 3;
  for (;;) {
    if (holds()) return true;
    if (deadline.passed()) return false;
    ::poll(nullptr, 0, interval_ms);
  }
}

}  // namespace preforkd::component
