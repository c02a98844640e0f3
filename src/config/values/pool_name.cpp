// SPDX-License-Identifier: MIT
#include "config/values/pool_name.hpp"

#include <algorithm>
#include <cstddef>

namespace preforkd {
namespace {

constexpr std::size_t max_pool_name_length = 63;

bool may_begin_pool_name(char c) noexcept { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

bool may_be_in_pool_name(char c) noexcept {
  return may_begin_pool_name(c) || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

}  // namespace

bool is_pool_name(std::string_view name) noexcept {
  return !name.empty() && name.size() <= max_pool_name_length && may_begin_pool_name(name.front()) &&
         std::all_of(name.begin(), name.end(), may_be_in_pool_name);
}

std::string nearest_pool_name(std::string_view text) {
  std::string name(text.substr(0, max_pool_name_length));
  std::replace_if(
      name.begin(), name.end(), [](char c) { return !may_be_in_pool_name(c); }, '_');
  if (is_pool_name(name)) return name;
  return ("pool_" + name).substr(0, max_pool_name_length);
}

}  // namespace preforkd
