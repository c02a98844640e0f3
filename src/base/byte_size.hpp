// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// Reads a size in bytes: "64K", "1M", "1.5G", "512B"; K, M, G, T are powers of 1024, as in systemd.syntax(7).
// A number without a unit, a negative one and anything above 2^63-1 fail with a reason that says so.
[[nodiscard]] Result<std::uint64_t> parse_byte_size(std::string_view text);

// The shortest exact text that parse_byte_size reads back: "64K", "1000B".
[[nodiscard]] std::string format_byte_size(std::uint64_t bytes);

}  // namespace preforkd
