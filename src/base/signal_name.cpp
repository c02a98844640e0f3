// SPDX-License-Identifier: MIT
#include "base/signal_name.hpp"

#include <cctype>
#include <csignal>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "base/nearest_name.hpp"
#include "base/whole_number.hpp"

namespace preforkd {
namespace {

std::string upper_without_sig(std::string_view text) {
  std::string name;
  for (const char c : text) name += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name.starts_with("SIG") ? name.substr(3) : name;
}

std::optional<int> realtime_signal(std::string_view name) noexcept {
  const bool from_max = name.starts_with("RTMAX");
  if (!from_max && !name.starts_with("RTMIN")) return std::nullopt;
  name.remove_prefix(5);
  const int base = from_max ? SIGRTMAX : SIGRTMIN;
  if (name.empty()) return base;
  if (name.front() != (from_max ? '-' : '+')) return std::nullopt;
  const auto offset = whole_number<int>(name.substr(1));
  if (!offset || *offset < 0 || *offset > SIGRTMAX - SIGRTMIN) return std::nullopt;
  return from_max ? base - *offset : base + *offset;
}

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = whole_number<int>(text)) {
    if (*number >= 1 && *number <= SIGRTMAX && (*number < __SIGRTMIN || *number >= SIGRTMIN)) return *number;
    return Failure("is not a signal number; signals are 1 to " + std::to_string(SIGRTMAX));
  }
  const std::string name = upper_without_sig(text);
  if (const auto realtime = realtime_signal(name)) return *realtime;
  std::vector<std::string_view> known;
  for (int signal = 1; signal < __SIGRTMIN; ++signal) {
    const char* const abbreviation = sigabbrev_np(signal);
    if (abbreviation == nullptr) continue;
    if (name == abbreviation) return signal;
    known.emplace_back(abbreviation);
  }
  const std::string_view nearest = nearest_name(name, known);
  if (nearest.empty()) return Failure("is not a signal; write a name as in signal(7), for instance \"SIGTERM\"");
  return Failure("is not a signal; did you mean \"SIG" + std::string(nearest) + "\"?");
}

std::string signal_name(int signal) {
  const char* const abbreviation = sigabbrev_np(signal);
  if (abbreviation != nullptr) return "SIG" + std::string(abbreviation);
  if (signal == SIGRTMIN) return "SIGRTMIN";
  if (signal > SIGRTMIN && signal <= SIGRTMAX) return "SIGRTMIN+" + std::to_string(signal - SIGRTMIN);
  return std::to_string(signal);
}

std::string signal_text(int signal) {
  const std::string name = signal_name(signal);
  const std::string text = "signal " + std::to_string(signal);
  return name.starts_with("SIG") ? text + " (" + name + ")" : text;
}

}  // namespace preforkd
