// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace prefork {
inline namespace v0 {

// A size in bytes, for Server::setting(): "64K", "1.5G", "512B"; K, M, G and T are powers of 1024.
struct ByteSize {
  std::uint64_t bytes = 0;
};

// What follows is for Server::setting().

template <class T>
constexpr bool is_setting_integer =
    std::is_integral_v<T> && !std::is_same_v<T, bool> && !std::is_same_v<T, char> && !std::is_same_v<T, wchar_t> &&
    !std::is_same_v<T, char16_t> && !std::is_same_v<T, char32_t>;

// The longest time span that a duration of this type may be set to.
template <class Rep, class Period>
constexpr std::chrono::microseconds longest_setting() {
  using Wide = std::chrono::duration<std::int64_t, Period>;
  Wide longest = std::chrono::ceil<Wide>(std::chrono::hours(24 * 365));
  if constexpr (std::is_integral_v<Rep> && std::numeric_limits<Rep>::digits < 63) {
    constexpr Wide most(static_cast<std::int64_t>(std::numeric_limits<Rep>::max()));
    if (most < longest) longest = most;
  }
  return std::chrono::duration_cast<std::chrono::microseconds>(longest);
}

template <class Rep, class Period>
constexpr std::chrono::duration<Rep, Period> rounded_up(std::chrono::microseconds span) {
  if constexpr (std::is_floating_point_v<Rep>) {
    return std::chrono::duration<Rep, Period>(span);
  } else {
    using Wide = std::chrono::duration<std::int64_t, Period>;
    return std::chrono::duration_cast<std::chrono::duration<Rep, Period>>(std::chrono::ceil<Wide>(span));
  }
}

}  // namespace v0
}  // namespace prefork
