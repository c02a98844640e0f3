// SPDX-License-Identifier: MIT
#include "base/refused_option.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

#include "base/escape.hpp"
#include "base/nearest_name.hpp"

namespace preforkd {
namespace {

constexpr std::size_t shown_bytes = 80;

}  // namespace

std::string refused_option(std::string_view argument, int letter, const option* known) {
  if (!argument.starts_with("--")) return std::string{'-', static_cast<char>(letter)} + ": unknown option";
  std::vector<std::string_view> names;
  for (; known->name != nullptr; ++known) names.emplace_back(known->name);
  const std::string_view word = argument.substr(2, argument.find('=') - 2);
  const std::string shown = "--" + escape_bytes(word, shown_bytes);
  const auto begins_so =
      std::count_if(names.begin(), names.end(), [&](std::string_view name) { return name.starts_with(word); });
  const bool meant = begins_so == 1 || std::find(names.begin(), names.end(), word) != names.end();
  if (meant) return shown + ": takes no value";
  if (begins_so > 1) return shown + ": is ambiguous";
  const std::string_view nearest = nearest_name(word, names);
  return shown + ": unknown option" + (nearest.empty() ? "" : "; did you mean --" + std::string(nearest) + '?');
}

}  // namespace preforkd
