// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

namespace preforkd {

// The parts of `text` between separators, empty ones, too: "a", "" and "b" for "a::b", and one empty part for "". They
// are views into `text`.
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace preforkd
