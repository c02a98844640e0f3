// SPDX-License-Identifier: MIT
#include "echo/escape.hpp"

#include <algorithm>

namespace preforkd::echo {
namespace {

void append_escaped(std::string& text, unsigned char byte) {
  static constexpr char digits[] = "0123456789abcdef";
  if (byte == '\n') {
    text += "\\n";
  } else if (byte == '\t') {
    text += "\\t";
  } else if (byte == '\\' || byte == '"') {
    text += '\\';
    text += static_cast<char>(byte);
  } else if (byte >= ' ' && byte <= '~') {
    text += static_cast<char>(byte);
  } else {
    text += "\\x";
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
}

}  // namespace

std::string escape(std::string_view bytes, std::size_t limit) {
  const std::size_t shown = std::min(bytes.size(), limit);
  std::string text;
  text.reserve(shown + 16);
  for (const char byte : bytes.substr(0, shown)) append_escaped(text, static_cast<unsigned char>(byte));
  if (shown < bytes.size()) text += "…(+" + std::to_string(bytes.size() - shown) + " bytes)";
  return text;
}

}  // namespace preforkd::echo
