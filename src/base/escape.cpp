// SPDX-License-Identifier: MIT
#include "base/escape.hpp"

#include <algorithm>
#include <cstdint>
#include <limits>

namespace preforkd {
namespace {

struct CodePoint {
  std::uint32_t value = 0;
  std::size_t length = 0;  // 0: the bytes are not valid UTF-8
};

std::uint8_t byte_at(std::string_view bytes, std::size_t index) { return static_cast<std::uint8_t>(bytes[index]); }

CodePoint decode(std::string_view bytes) {
  const std::uint8_t first = byte_at(bytes, 0);
  if (first < 0x80) return {first, 1};
  const std::size_t length = first >= 0xF0 ? 4U : first >= 0xE0 ? 3U : 2U;
  if (first < 0xC2 || first > 0xF4 || bytes.size() < length) return {};
  std::uint32_t value = first & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) {
    const std::uint8_t next = byte_at(bytes, i);
    if ((next & 0xC0U) != 0x80U) return {};
    value = value << 6U | (next & 0x3FU);
  }
  constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = value >= 0xD800 && value <= 0xDFFF;
  if (value < least[length] || value > 0x10FFFF || surrogate) return {};
  return {value, length};
}

// C0, DEL and C1 controls, line separators, and marks that change the direction of text: each could make a log line
// show something else.
bool is_control(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E || c == 0x200F ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void append_escaped(std::string& text, char byte) {
  constexpr char digits[] = "0123456789abcdef";
  switch (byte) {
    case '\\':
      text += "\\\\";
      return;
    case '\n':
      text += "\\n";
      return;
    case '\t':
      text += "\\t";
      return;
    default:
      break;
  }
  const auto value = static_cast<std::uint8_t>(byte);
  text += "\\x";
  text += digits[value >> 4U];
  text += digits[value & 0xFU];
}

// The length of the longest prefix of at most `limit` bytes that does not end inside a UTF-8 sequence.
std::size_t cut_position(std::string_view bytes, std::size_t limit) {
  if (bytes.size() <= limit) return bytes.size();
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, limit); ++back) {
    const std::size_t start = limit - back;
    if ((byte_at(bytes, start) & 0xC0U) == 0x80U) continue;
    return decode(bytes.substr(start)).length > back ? start : limit;
  }
  return limit;
}

}  // namespace

std::string escape_bytes(std::string_view bytes, std::size_t limit) {
  const std::size_t end = cut_position(bytes, limit);
  std::string text;
  text.reserve(end);
  for (std::size_t at = 0; at < end;) {
    const CodePoint point = decode(bytes.substr(at, end - at));
    const bool kept = point.length != 0 && !is_control(point.value) && point.value != '\\';
    const std::size_t length = std::max<std::size_t>(point.length, 1);
    if (kept) {
      text.append(bytes, at, length);
    } else {
      for (const char byte : bytes.substr(at, length)) append_escaped(text, byte);
    }
    at += length;
  }
  if (end < bytes.size()) text += "…(+" + std::to_string(bytes.size() - end) + " bytes)";
  return text;
}

std::string escape_unsafe(std::string_view text, std::string_view kept) {
  const std::string stays = '\\' + std::string(kept);
  std::string result;
  for (;;) {
    const std::size_t end = std::min(text.find_first_of(stays), text.size());
    result += escape_bytes(text.substr(0, end), std::numeric_limits<std::size_t>::max());
    if (end == text.size()) return result;
    result += text[end];
    text.remove_prefix(end + 1);
  }
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t shown_bytes = 80;
  return '"' + escape_bytes(text, shown_bytes) + '"';
}

bool is_utf8_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const CodePoint point = decode(bytes);
    if (point.length == 0 || point.value == 0) return false;
    bytes.remove_prefix(point.length);
  }
  return true;
}

}  // namespace preforkd
