// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <ctime>

namespace preforkd::client {

using std::chrono::nanoseconds;

// CLOCK_MONOTONIC, in nanoseconds since boot.
[[nodiscard]] nanoseconds monotonic_now() noexcept;

// The time until `deadline` for poll(2): in whole milliseconds, rounded up, 0 if it has passed.
[[nodiscard]] int poll_timeout(nanoseconds deadline) noexcept;

}  // namespace preforkd::client
