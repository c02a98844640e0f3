// SPDX-License-Identifier: MIT
#include "ctl/output/style.hpp"

#include <algorithm>
#include <initializer_list>

#include "dbus/words.hpp"
#include "pools/unit_states.hpp"

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
  using namespace dbus::state;
  const auto is_one_of = [&](std::initializer_list<std::string_view> states) {
    return std::find(states.begin(), states.end(), state) != states.end();
  };
  if (is_one_of({running, ready})) return Colour::green;
  if (is_one_of({starting, reloading, stopping, backoff})) return Colour::yellow;
  if (is_one_of({degraded, down, standing::failed, standing::no_answer, standing::no_bus})) return Colour::red;
  return Colour::plain;
}

}  // namespace preforkd::ctl
