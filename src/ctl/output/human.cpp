// SPDX-License-Identifier: MIT
#include "ctl/output/human.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>

namespace preforkd::ctl {
namespace {

std::string formatted(const char* format, double value, const char* unit) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, value, unit);
  return text.data();
}

std::string formatted_time(const char* format, std::uint64_t at) {
  const auto seconds = static_cast<std::time_t>(at / 1'000'000);
  std::tm parts{};
  std::array<char, 64> text{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "?";
  return std::string(text.data(), std::strftime(text.data(), text.size(), format, &parts));
}

}  // namespace

std::string human_bytes(std::uint64_t bytes) {
  constexpr std::array<const char*, 7> units = {"B", "K", "M", "G", "T", "P", "E"};
  if (bytes < 1024) return std::to_string(bytes) + "B";
  auto value = static_cast<double>(bytes);
  std::size_t unit = 0;
  // 1023.96K would be written as 1024.0K
  while (value >= 1023.95 && unit + 1 < units.size()) {
    value /= 1024;
    ++unit;
  }
  return formatted("%.1f%s", value, units[unit]);
}

std::string human_span(std::chrono::microseconds span) {
  struct Unit {
    const char* name;
    std::int64_t seconds;
  };
  constexpr auto units = std::to_array<Unit>({{"d", 86400}, {"h", 3600}, {"min", 60}, {"s", 1}});
  if (span.count() <= 0) return "0s";
  if (span < std::chrono::seconds(1)) return std::to_string(span.count() / 1000) + "ms";
  std::int64_t rest = std::chrono::floor<std::chrono::seconds>(span).count();
  for (std::size_t i = 0; i < units.size(); ++i) {
    if (rest < units[i].seconds) continue;
    std::string text = std::to_string(rest / units[i].seconds) + units[i].name;
    rest %= units[i].seconds;
    if (i + 1 < units.size() && rest >= units[i + 1].seconds) {
      text += ' ' + std::to_string(rest / units[i + 1].seconds) + units[i + 1].name;
    }
    return text;
  }
  return "0s";
}

std::string human_seconds(std::chrono::microseconds span) {
  if (span >= std::chrono::minutes(1) || span < std::chrono::seconds(1)) return human_span(span);
  return formatted("%.1f%s", std::chrono::duration<double>(span).count(), "s");
}

std::string human_rate(double per_second) {
  return formatted(per_second < 9.95 ? "%.1f%s" : "%.0f%s", per_second, "/s");
}

std::string human_percent(double percent) {
  return formatted(percent < 9.95 ? "%.1f%s" : "%.0f%s", std::min(percent, 1e9), "%");
}

std::string human_time(std::uint64_t at) { return formatted_time("%a %Y-%m-%d %H:%M:%S %Z", at); }

std::string clock_time(std::uint64_t at) {
  std::array<char, 8> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%03u", static_cast<unsigned>(at / 1000 % 1000));
  return formatted_time("%H:%M:%S", at) + fraction.data();
}

std::uint64_t wall_clock_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::microseconds>(now).count());
}

std::chrono::microseconds span_of(std::uint64_t microseconds) {
  constexpr std::uint64_t max = std::chrono::microseconds::max().count();
  return std::chrono::microseconds(std::min(microseconds, max));
}

std::string human_age(std::uint64_t at, std::uint64_t now) {
  if (at == 0) return "";
  return human_span(span_of(now > at ? now - at : 0));
}

}  // namespace preforkd::ctl
