// SPDX-License-Identifier: MIT
#include "client/base/clock.hpp"

#include <algorithm>
#include <climits>

namespace preforkd::client {

nanoseconds monotonic_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

int poll_timeout(nanoseconds deadline) noexcept {
  const nanoseconds left = std::max(deadline - monotonic_now(), nanoseconds(0));
  const auto milliseconds = std::chrono::ceil<std::chrono::milliseconds>(left).count();
  return static_cast<int>(std::min<std::chrono::milliseconds::rep>(milliseconds, INT_MAX));
}

}  // namespace preforkd::client
