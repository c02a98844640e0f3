// SPDX-License-Identifier: MIT
#include "ctl/output/style.hpp"

#include <algorithm>
#include <array>

namespace preforkd::ctl {
namespace {

std::string_view sequence(Colour colour) {
  switch (colour) {
    case Colour::plain:
      return "";
    case Colour::bold:
      return "\x1b[1m";
    case Colour::grey:
      return "\x1b[90m";
    case Colour::red:
      return "\x1b[1;31m";
    case Colour::green:
      return "\x1b[1;32m";
    case Colour::yellow:
      return "\x1b[1;33m";
    case Colour::underlined:
      return "\x1b[4m";
  }
  return "";
}

}  // namespace

std::string Style::paint(Colour colour_of_text, std::string_view text) const {
  const std::string_view start = colour ? sequence(colour_of_text) : "";
  if (start.empty() || text.empty()) return std::string(text);
  return std::string(start).append(text).append("\x1b[0m");
}

Colour state_colour(std::string_view state) {
  if (state == "running" || state == "ready") return Colour::green;
  constexpr auto wrong = std::to_array<std::string_view>({"degraded", "down", "failed", "no answer", "no bus"});
  if (std::find(wrong.begin(), wrong.end(), state) != wrong.end()) return Colour::red;
  if (state == "starting" || state == "reloading" || state == "stopping" || state == "backoff") return Colour::yellow;
  return Colour::plain;
}

}  // namespace preforkd::ctl
