// SPDX-License-Identifier: MIT
#pragma once

#include <span>
#include <string_view>

namespace preforkd {

// The candidate that the user most likely meant by `word` (optimal string alignment distance of at most a third of the
// length, at least 1, ignoring letter case); empty if none is near. The result is one of `candidates`.
[[nodiscard]] std::string_view nearest_name(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace preforkd
