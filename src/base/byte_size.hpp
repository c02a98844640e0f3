// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// Reads a size in bytes: "64K", "1M", "1.5G", "512B"; K, M, G, T are powers of 1024, as in systemd.syntax(7).
// A fraction of a byte is dropped ("1.1K" is 1126). A number without a unit, a negative one and anything above 2^63-1
// fail with a reason that says so.
[[nodiscard]] Result<std::uint64_t> parse_byte_size(std::string_view text);

// The exact size in the largest unit that it is a whole number of: "64K", "1000B". parse_byte_size reads it back.
[[nodiscard]] std::string format_byte_size(std::uint64_t bytes);

}  // namespace preforkd
