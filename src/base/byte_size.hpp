// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// Reads a size in bytes: "64K", "1M", "1.5G", "512B"; K, M, G, T are powers of 1024, as in systemd.syntax(7). Drops a
// fraction of a byte ("1.1K" is 1126). Fails with a reason for a number without a unit, a negative one and one above
// 2^63-1.
[[nodiscard]] Result<std::uint64_t> parse_byte_size(std::string_view text);

// The exact size, in the largest unit that gives a whole number: "64K", "1000B". parse_byte_size can read it.
[[nodiscard]] std::string format_byte_size(std::uint64_t bytes);

}  // namespace preforkd
