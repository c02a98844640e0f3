// SPDX-License-Identifier: MIT
#include "client/base/quantity.hpp"

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>

namespace preforkd::client {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};

constexpr Unit time_units[] = {{"us", 1e3}, {"ms", 1e6}, {"s", 1e9}, {"min", 60e9}, {"h", 3600e9}};
constexpr Unit size_units[] = {{"", 1}, {"K", 1024}, {"M", 1024.0 * 1024}, {"G", 1024.0 * 1024 * 1024}};
constexpr double most_nanoseconds = 1e18;  // about 30 years: nothing adds up to an overflow
constexpr double most_bytes = 1024.0 * 1024 * 1024;

[[noreturn]] void refuse(std::string_view text, const std::string& reason) {
  throw std::invalid_argument("'" + std::string(text) + "': " + reason);
}

// Splits "1.5ms" into its number and its unit's name.
double parse_value(std::string_view text, std::string_view& unit) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !std::isfinite(value) || value < 0 || text.front() == '-') refuse(text, "not a number");
  unit = text.substr(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

std::chrono::nanoseconds parse_span(std::string_view text) {
  std::string_view name;
  const double value = parse_value(text, name);
  if (name.empty()) refuse(text, "needs a unit: us, ms, s, min or h");
  for (const Unit& unit : time_units) {
    if (name != unit.name) continue;
    if (value * unit.factor > most_nanoseconds) refuse(text, "too long");
    return std::chrono::nanoseconds(std::llround(value * unit.factor));
  }
  refuse(text, "unknown unit (us, ms, s, min, h)");
}

std::size_t parse_size(std::string_view text) {
  std::string_view name;
  const double value = parse_value(text, name);
  for (const Unit& unit : size_units) {
    if (name != unit.name) continue;
    if (value * unit.factor > most_bytes) refuse(text, "more than 1G");
    return static_cast<std::size_t>(value * unit.factor);
  }
  refuse(text, "unknown unit (K, M, G)");
}

std::uint64_t parse_number(std::string_view text, std::uint64_t least, std::uint64_t most) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most) {
    refuse(text, "not a whole number from " + std::to_string(least) + " to " + std::to_string(most));
  }
  return value;
}

}  // namespace preforkd::client
