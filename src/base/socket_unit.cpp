// SPDX-License-Identifier: MIT
#include "base/socket_unit.hpp"

#include <algorithm>

namespace preforkd {
namespace {

bool take_front(std::string_view& text, std::string_view front) noexcept {
  if (!text.starts_with(front)) return false;
  text.remove_prefix(front.size());
  return true;
}

}  // namespace

bool is_socket_unit_of(std::string_view pool, std::string_view unit) noexcept {
  constexpr std::string_view ending = ".socket";
  if (!unit.ends_with(ending)) return false;
  unit.remove_suffix(ending.size());
  if (take_front(unit, "preforkd@")) return unit == pool;
  if (!take_front(unit, "preforkd-") || !take_front(unit, pool) || !take_front(unit, "-")) return false;
  return !unit.empty() && std::all_of(unit.begin(), unit.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace preforkd
