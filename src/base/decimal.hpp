// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// An unsigned decimal number as users write it, kept exact: whole + fraction / scale.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  std::uint64_t scale = 1;  // 10 to the number of digits after the point
};

// Takes a number ("30", "1.5", ".5") off the front of `text`; at most six digits after the point. Fails for a sign, no
// digits, too many digits, and a number above 2^64-1.
[[nodiscard]] Result<Decimal> take_decimal(std::string_view& text);

struct Product {
  std::uint64_t value = 0;  // rounded down
  bool exact = true;
};

// number × unit for units below 2^43 (a tebibyte, a week of microseconds), or nullopt above 2^63-1.
[[nodiscard]] std::optional<Product> multiply(const Decimal& number, std::uint64_t unit) noexcept;

}  // namespace preforkd
