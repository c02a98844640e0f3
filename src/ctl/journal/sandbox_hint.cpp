// SPDX-License-Identifier: MIT
#include "ctl/journal/sandbox_hint.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <string_view>

namespace preforkd::ctl {
namespace {

// As strerror(3) has them; some languages begin them with a small letter.
constexpr auto refusals = std::to_array<std::string_view>(
    {"Read-only file system", "Permission denied", "Operation not permitted", "Address family not supported"});

bool contains(std::string_view line, std::string_view phrase) {
  const auto same = [](unsigned char left, unsigned char right) { return std::tolower(left) == std::tolower(right); };
  return std::search(line.begin(), line.end(), phrase.begin(), phrase.end(), same) != line.end();
}

}  // namespace

std::string sandbox_hint(const std::string& pool, const std::vector<std::string>& lines) {
  for (const std::string_view phrase : refusals) {
    if (std::none_of(lines.begin(), lines.end(), [&](const std::string& line) { return contains(line, phrase); }))
      continue;
    return "\"" + std::string(phrase) +
           "\" may be the sandbox: \"writable\" and \"sandbox\" in the config change it, then preforkctl apply " +
           pool + "; see SANDBOX in preforkd-generator(8)\n";
  }
  return "";
}

}  // namespace preforkd::ctl
