// SPDX-License-Identifier: MIT
#include "ctl/output/printable.hpp"

#include <langinfo.h>
#include <wchar.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>

#include "base/escape.hpp"

namespace preforkd::ctl {
namespace {

std::string without_utf8(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (static_cast<std::uint8_t>(c) < 0x80) {
      result += c;
    } else {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02x", static_cast<unsigned>(static_cast<std::uint8_t>(c)));
      result += escape.data();
    }
  }
  return result;
}

std::string for_terminal(const std::string& escaped) { return utf8_terminal() ? escaped : without_utf8(escaped); }

// Takes a character off the front of valid UTF-8; a broken one counts as one byte.
char32_t take_character(std::string_view& text) {
  const auto first = static_cast<std::uint8_t>(text.front());
  const std::size_t length = first >= 0xF0 ? 4U : first >= 0xE0 ? 3U : first >= 0xC0 ? 2U : 1U;
  char32_t value = length == 1 ? first : first & (0x7FU >> length);
  for (std::size_t i = 1; i < std::min(length, text.size()); ++i) {
    value = value << 6U | (static_cast<std::uint8_t>(text[i]) & 0x3FU);
  }
  text.remove_prefix(std::min(length, text.size()));
  return value;
}

// A character unknown to the locale counts as one column.
std::size_t character_width(char32_t character) {
  const int width = ::wcwidth(static_cast<wchar_t>(character));
  return width >= 0 ? static_cast<std::size_t>(width) : 1;
}

}  // namespace

bool utf8_terminal() { return std::strcmp(::nl_langinfo(CODESET), "UTF-8") == 0; }

std::string printable(std::string_view text) { return for_terminal(escape_unsafe(text)); }

std::string printable_lines(std::string_view text) { return for_terminal(escape_unsafe(text, "\n")); }

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += character_width(take_character(text));
  return width;
}

std::string shorten(std::string_view text, std::size_t width, std::string_view mark) {
  if (display_width(text) <= width) return std::string(text);
  if (width == 0) return "";
  std::string_view rest = text;
  std::size_t end = 0;
  for (std::size_t used = 0; !rest.empty();) {
    used += character_width(take_character(rest));
    if (used > width - 1) break;
    end = text.size() - rest.size();
  }
  return std::string(text.substr(0, end)).append(mark);
}

}  // namespace preforkd::ctl
