// SPDX-License-Identifier: MIT
#include "ctl/base/arguments.hpp"

#include <charconv>
#include <optional>
#include <string_view>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "config/reader/pool_reader.hpp"
#include "ctl/base/command_error.hpp"

namespace preforkd::ctl {
namespace {

[[noreturn]] void reject(const std::string& text, const std::string& reason) {
  throw CommandError(exit_code::usage, in_quotes(text) + " " + reason);
}

std::optional<std::uint32_t> whole_number(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return number;
}

}  // namespace

std::string pool_argument(const std::string& text) {
  std::string_view name = text;
  if (name.starts_with("preforkd@")) {
    name.remove_prefix(std::string_view("preforkd@").size());
    for (const std::string_view type : {".service", ".socket"}) {
      if (name.ends_with(type)) name.remove_suffix(type.size());
    }
  }
  if (!is_pool_name(name))
    reject(text, "is not a valid pool name: a letter, then letters, digits, '_' and '-' (\"preforkctl list\")");
  return std::string(name);
}

std::uint32_t slot_argument(const std::string& text) {
  const auto slot = whole_number(text);
  if (!slot) reject(text, "is not a slot: a number from 0 on (\"preforkctl workers POOL\")");
  return *slot;
}

std::uint32_t workers_argument(const std::string& text) {
  const auto workers = whole_number(text);
  if (!workers) reject(text, "is not a number of workers");
  return *workers;
}

}  // namespace preforkd::ctl
