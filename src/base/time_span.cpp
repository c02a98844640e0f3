// SPDX-License-Identifier: MIT
#include "base/time_span.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <limits>
#include <optional>

#include "base/decimal.hpp"
#include "base/escape.hpp"

namespace preforkd {
namespace {

struct TimeUnit {
  std::string_view name;
  std::uint64_t microseconds;
};

constexpr std::uint64_t millisecond = 1000;
constexpr std::uint64_t second = 1000 * millisecond;
constexpr std::uint64_t minute = 60 * second;
constexpr std::uint64_t hour = 60 * minute;
constexpr std::uint64_t day = 24 * hour;
constexpr std::uint64_t week = 7 * day;

constexpr auto time_units = std::to_array<TimeUnit>({
    {"us", 1},           {"usec", 1},           {"µs", 1},  // U+00B5, the micro sign
    {"μs", 1},                                              // U+03BC, the Greek letter
    {"ms", millisecond}, {"msec", millisecond}, {"s", second},  {"sec", second},    {"second", second},
    {"seconds", second}, {"min", minute},       {"m", minute},  {"minute", minute}, {"minutes", minute},
    {"h", hour},         {"hr", hour},          {"hour", hour}, {"hours", hour},    {"d", day},
    {"day", day},        {"days", day},         {"w", week},    {"week", week},     {"weeks", week},
});

constexpr std::string_view blanks = " \t";

void skip_blanks(std::string_view& text) { text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size())); }

// A unit ends before a blank or the next number, so "1h30min" reads as in systemd.
std::string_view take_unit(std::string_view& text) {
  const std::size_t count = std::min(text.find_first_of(" \t0123456789.+-"), text.size());
  const std::string_view name = text.substr(0, count);
  text.remove_prefix(count);
  return name;
}

Result<std::uint64_t> take_part(std::string_view& text) {
  const std::string_view start = text;
  const Result<Decimal> number = take_decimal(text);
  if (!number) return Failure(escape_bytes(start) + " " + number.error().text);
  const std::string written(start.substr(0, start.size() - text.size()));
  skip_blanks(text);
  const std::string_view name = take_unit(text);
  if (name.empty()) return Failure(written + " has no unit; write " + written + "s, " + written + "ms, …");
  const auto* unit =
      std::find_if(time_units.begin(), time_units.end(), [&](const TimeUnit& u) { return u.name == name; });
  if (unit == time_units.end()) {
    return Failure(escape_bytes(name) + " is not a unit of time; the units are us, ms, s, min, h, d, w");
  }
  const std::optional<Product> span = multiply(*number, unit->microseconds);
  if (!span) return Failure(written + std::string(name) + " is too long");
  if (!span->exact) return Failure(written + std::string(name) + " is finer than a microsecond");
  return span->value;
}

// "1.5s" of 1 500 000 and the unit second: the fraction without its trailing zeros.
std::string with_fraction(std::uint64_t value, std::uint64_t unit, std::string_view name) {
  std::string text = std::to_string(value / unit);
  if (std::uint64_t rest = value % unit; rest != 0) {
    text += '.';
    for (std::uint64_t digit = unit / 10; rest != 0; digit /= 10) {
      text += static_cast<char>('0' + rest / digit);
      rest %= digit;
    }
  }
  return text.append(name);
}

std::string format_below_minute(std::uint64_t value) {
  if (value >= second) return with_fraction(value, second, "s");
  if (value >= millisecond) return with_fraction(value, millisecond, "ms");
  return std::to_string(value) + "us";
}

}  // namespace

Result<Duration> parse_time_span(std::string_view text) {
  constexpr std::uint64_t max = std::numeric_limits<std::int64_t>::max();
  skip_blanks(text);
  if (text.empty()) return Failure("is empty; write a time span such as 30s");
  std::uint64_t total = 0;
  while (!text.empty()) {
    const Result<std::uint64_t> part = take_part(text);
    if (!part) return Failure(part.error());
    if (*part > max - total) return Failure("is too long: more than 292 000 years");
    total += *part;
    skip_blanks(text);
  }
  return Duration(static_cast<std::int64_t>(total));
}

std::string format_time_span(Duration span) {
  if (span.count() == 0) return "0s";
  // The most negative count has no positive counterpart, so use unsigned arithmetic.
  std::uint64_t rest = static_cast<std::uint64_t>(span.count());
  std::string text;
  if (span.count() < 0) {
    rest = 0 - rest;
    text = "-";
  }
  std::string_view separator;
  for (const TimeUnit& unit : {TimeUnit{"w", week}, TimeUnit{"d", day}, TimeUnit{"h", hour}, TimeUnit{"min", minute}}) {
    if (rest < unit.microseconds) continue;
    text.append(separator).append(std::to_string(rest / unit.microseconds)).append(unit.name);
    rest %= unit.microseconds;
    separator = " ";
  }
  if (rest != 0) text.append(separator).append(format_below_minute(rest));
  return text;
}

}  // namespace preforkd
