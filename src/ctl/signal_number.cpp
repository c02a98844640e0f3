// SPDX-License-Identifier: MIT
#include "ctl/signal_number.hpp"

#include <algorithm>
#include <cctype>
#include <csignal>
#include <cstring>
#include <vector>

#include "base/escape.hpp"
#include "base/nearest_name.hpp"

namespace preforkd::ctl {
namespace {

// Without "SIG"; empty for what is no signal.
std::string abbreviation(std::int32_t signal) {
  if (signal >= SIGRTMIN && signal <= SIGRTMAX) {
    return signal == SIGRTMIN ? "RTMIN" : "RTMIN+" + std::to_string(signal - SIGRTMIN);
  }
  const char* const name = ::sigabbrev_np(signal);
  return name != nullptr ? name : "";
}

std::string upper(std::string_view text) {
  std::string result(text);
  std::transform(result.begin(), result.end(), result.begin(),
                 [](char c) { return static_cast<char>(std::toupper(static_cast<unsigned char>(c))); });
  return result;
}

}  // namespace

Result<std::int32_t> parse_signal(std::string_view text) {
  std::string name = upper(text);
  if (name.starts_with("SIG")) name.erase(0, 3);
  std::vector<std::string> known;
  for (std::int32_t signal = 1; signal <= SIGRTMAX; ++signal) {
    if (text == std::to_string(signal)) return signal;
    known.push_back(abbreviation(signal));
    if (!name.empty() && name == known.back()) return signal;
  }
  std::vector<std::string_view> candidates(known.begin(), known.end());
  std::erase(candidates, "");
  const std::string_view nearest = nearest_name(name, candidates);
  std::string reason = '"' + escape_bytes(text, 80) + "\" is no signal; ";
  if (!nearest.empty()) return Failure(reason + "did you mean SIG" + std::string(nearest) + "?");
  return Failure(reason + "write a name as in signal(7), for instance SIGHUP, or a number up to " +
                 std::to_string(SIGRTMAX));
}

std::string signal_text(std::int32_t signal) {
  const std::string name = abbreviation(signal);
  return name.empty() ? "signal " + std::to_string(signal) : "SIG" + name;
}

}  // namespace preforkd::ctl
