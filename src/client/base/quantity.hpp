// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace preforkd::client {

// "0.5s", "200ms", "1min": a number, which may have a fraction, and one of the units us, ms, s, min, h.
// Throws std::invalid_argument with a reason that shows `text`; a bare number is refused, since its unit would be a
// guess.
[[nodiscard]] std::chrono::nanoseconds parse_span(std::string_view text);

// "100", "64K", "1M", "1G" bytes; K is 1024. Throws std::invalid_argument.
[[nodiscard]] std::size_t parse_size(std::string_view text);

// A whole number from `least` to `most`. Throws std::invalid_argument.
[[nodiscard]] std::uint64_t parse_number(std::string_view text, std::uint64_t least, std::uint64_t most);

}  // namespace preforkd::client
