// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd {

// Makes bytes from outside fit for one log line: printable ASCII and valid UTF-8 stay, backslash and everything else,
// controls and direction marks in UTF-8 too, becomes "\\", "\n", "\t" or "\xHH". What is longer than `limit` bytes
// of input is cut, never inside a UTF-8 sequence, and ends in "…(+N bytes)".
[[nodiscard]] std::string escape_bytes(std::string_view bytes, std::size_t limit = 256);

// What a user wrote, for a message about it: escaped, cut at 80 bytes, between double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// Valid UTF-8 without NUL, as the D-Bus specification wants strings.
[[nodiscard]] bool is_utf8_text(std::string_view bytes);

}  // namespace preforkd
