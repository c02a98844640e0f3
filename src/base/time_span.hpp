// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

using Duration = std::chrono::microseconds;

// Reads a time span as systemd.time(7) writes them: "10s", "5min", "100ms", "1h 30min", "1.5s".
// Units: us (usec, µs), ms (msec), s (sec, second, seconds), min (m, minute, minutes), h (hr, hour, hours),
// d (day, days), w (week, weeks). A number without a unit, a negative one, an empty text and anything that
// does not fit Duration (too long, or finer than a microsecond) fail with a reason that says so ("30 has no unit; write
// 30s, 30ms, …"). "infinity" and "off" are not spans: the keys that allow them say so themselves.
[[nodiscard]] Result<Duration> parse_time_span(std::string_view text);

// The exact span as a person likes to read it: "1h 30min", "1.5s", "100ms", "0s". parse_time_span reads it back unless
// it is negative.
[[nodiscard]] std::string format_time_span(Duration span);

}  // namespace preforkd
