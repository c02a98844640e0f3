// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

using Duration = std::chrono::microseconds;

// Reads a time span in the syntax of systemd.time(7): "10s", "5min", "100ms", "1h 30min", "1.5s". Units: us (usec, µs),
// ms (msec), s (sec, second, seconds), min (m, minute, minutes), h (hr, hour, hours), d (day, days), w (week, weeks).
// Fails with a reason ("30 has no unit; write 30s, 30ms, …") for a number without a unit, a negative one, an empty text
// and what does not fit Duration (too long, or finer than a microsecond). "infinity" and "off" are not spans: the keys
// that allow them handle them.
[[nodiscard]] Result<Duration> parse_time_span(std::string_view text);

// The exact span as text for people: "1h 30min", "1.5s", "100ms", "0s". parse_time_span can read it unless it is
// negative.
[[nodiscard]] std::string format_time_span(Duration span);

}  // namespace preforkd
