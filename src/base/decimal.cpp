// SPDX-License-Identifier: MIT
#include "base/decimal.hpp"

#include <charconv>
#include <limits>
#include <string>

namespace preforkd {
namespace {

constexpr std::size_t max_fraction_digits = 6;

std::string_view take_digits(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
  const std::string_view digits = text.substr(0, count);
  text.remove_prefix(count);
  return digits;
}

}  // namespace

Result<Decimal> take_decimal(std::string_view& text) {
  if (text.starts_with('-')) return Failure("must not be negative");
  if (text.starts_with('+')) return Failure("must not have a sign");
  Decimal number;
  const std::string_view whole = take_digits(text);
  if (!whole.empty()) {
    const auto parsed = std::from_chars(whole.data(), whole.data() + whole.size(), number.whole);
    if (parsed.ec != std::errc()) return Failure("is too large");
  }
  if (!text.starts_with('.')) {
    if (whole.empty()) return Failure("does not begin with a number");
    return number;
  }
  text.remove_prefix(1);
  const std::string_view fraction = take_digits(text);
  if (fraction.empty()) return Failure("has no digit after the decimal point");
  if (fraction.size() > max_fraction_digits) return Failure("has more than six digits after the decimal point");
  std::from_chars(fraction.data(), fraction.data() + fraction.size(), number.fraction);
  for (std::size_t i = 0; i < fraction.size(); ++i) number.scale *= 10;
  return number;
}

std::optional<Product> multiply(const Decimal& number, std::uint64_t unit) noexcept {
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  const std::uint64_t part = number.fraction * unit;  // below 10^6 × 2^43, so below 2^63
  Product product{part / number.scale, part % number.scale == 0};
  if (number.whole > (max - product.value) / unit) return std::nullopt;
  product.value += number.whole * unit;
  return product;
}

}  // namespace preforkd
