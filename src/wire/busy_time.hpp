// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>

namespace preforkd {

// How long a worker has been busy, in one word, so that a reader never sees half of a change: while it rests the sum,
// and while it is busy the sum less the time (CLOCK_MONOTONIC) at which that began. So the word stays right without
// being written while a callback takes long. The lowest bit says which; the rest are microseconds.
[[nodiscard]] constexpr std::uint64_t rests_with(std::chrono::microseconds sum) noexcept {
  return static_cast<std::uint64_t>(sum.count()) << 1U;
}
[[nodiscard]] constexpr std::uint64_t busy_with(std::chrono::microseconds sum,
                                                std::chrono::microseconds since) noexcept {
  return (static_cast<std::uint64_t>((sum - since).count()) << 1U) | 1U;
}
[[nodiscard]] constexpr std::chrono::microseconds busy_time(std::uint64_t word,
                                                            std::chrono::microseconds now) noexcept {
  const std::chrono::microseconds value{static_cast<std::int64_t>(word) >> 1U};
  return (word & 1U) != 0 ? value + now : value;
}

}  // namespace preforkd
