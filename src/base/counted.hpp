// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace preforkd {

// "1 worker", "3 workers", "0 crashes". For regular English nouns that do not end in y.
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view noun);

}  // namespace preforkd
