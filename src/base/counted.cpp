// SPDX-License-Identifier: MIT
#include "base/counted.hpp"

namespace preforkd {

std::string counted(std::uint64_t count, std::string_view noun) {
  std::string text = std::to_string(count).append(" ").append(noun);
  if (count == 1) return text;
  const bool hisses = noun.ends_with("sh") || noun.ends_with("ch") || noun.ends_with('s') || noun.ends_with('x');
  return text + (hisses ? "es" : "s");
}

}  // namespace preforkd
