// SPDX-License-Identifier: MIT
#include "ctl/base/arguments.hpp"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "ctl/base/command_error.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::size_t longest_name = 63;

[[noreturn]] void reject(const std::string& text, const std::string& reason) {
  throw CommandError(exit_code::usage, '"' + escape_bytes(text, 80) + "\" " + reason);
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

bool is_pool_name(std::string_view name) {
  return !name.empty() && name.size() <= longest_name && is_letter(name.front()) &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

std::string pool_argument(const std::string& text) {
  std::string_view name = text;
  if (name.starts_with("preforkd@")) {
    name.remove_prefix(std::string_view("preforkd@").size());
    if (name.ends_with(".service")) name.remove_suffix(std::string_view(".service").size());
  }
  if (!is_pool_name(name))
    reject(text, "is no pool's name: a letter, then letters, digits and '_' (\"preforkctl list\")");
  return std::string(name);
}

std::uint32_t slot_argument(const std::string& text) {
  const auto slot = whole_number(text);
  if (!slot) reject(text, "is no worker's slot: a number from 0 on (\"preforkctl workers POOL\")");
  return *slot;
}

std::uint32_t workers_argument(const std::string& text) {
  const auto workers = whole_number(text);
  if (!workers) reject(text, "is no number of workers");
  return *workers;
}

}  // namespace preforkd::ctl
