// SPDX-License-Identifier: MIT
#include "wire/named_counter.hpp"

#include <algorithm>

namespace preforkd {
namespace {

bool is_name(std::string_view name, char separator) noexcept {
  const auto is_letter = [](char c) { return c >= 'a' && c <= 'z'; };
  return !name.empty() && name.size() <= NamedCounter::max_name && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == separator; });
}

}  // namespace

void NamedCounter::set_name(std::string_view text) noexcept {
  if (text.empty() || name.front().load(std::memory_order_relaxed) != '\0') return;
  for (std::size_t at = 1; at < text.size() && at < max_name; ++at) name[at].store(text[at], std::memory_order_relaxed);
  name.front().store(text.front(), std::memory_order_release);
}

std::string NamedCounter::read_name() const {
  std::string text;
  for (const std::atomic<char>& each : name) {
    const char c = each.load(std::memory_order_acquire);
    if (c == '\0') break;
    text += c;
  }
  return text;
}

bool is_counter_name(std::string_view name) noexcept { return is_name(name, '_'); }

bool is_close_reason_name(std::string_view name) noexcept { return is_name(name, '-'); }

}  // namespace preforkd
