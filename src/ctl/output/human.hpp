// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace preforkd::ctl {

// Numbers and times for people, slightly rounded.

// "3.2M", "512B"; powers of 1024, as systemd writes them.
[[nodiscard]] std::string human_bytes(std::uint64_t bytes);

// "12s", "5min 3s", "3h 20min", "2d 4h": its two largest units. Below a second in milliseconds; a negative one is "0s".
[[nodiscard]] std::string human_span(std::chrono::microseconds span);

// As human_span, but "1.2s" below a minute.
[[nodiscard]] std::string human_seconds(std::chrono::microseconds span);

// "0.4/s", "43/s".
[[nodiscard]] std::string human_rate(double per_second);

// "3.2%", "140%".
[[nodiscard]] std::string human_percent(double percent);

// "Mon 2026-11-23 19:28:30 UTC", local time. `at`: microseconds since 1970.
[[nodiscard]] std::string human_time(std::uint64_t at);

// "19:28:30.123", local time.
[[nodiscard]] std::string clock_time(std::uint64_t at);

// Microseconds since 1970.
[[nodiscard]] std::uint64_t wall_clock_now();

// Microseconds as a span; too large a value becomes the longest one.
[[nodiscard]] std::chrono::microseconds span_of(std::uint64_t microseconds);

// How long before `now` something was, "" if never (0).
[[nodiscard]] std::string human_age(std::uint64_t at, std::uint64_t now);

}  // namespace preforkd::ctl
