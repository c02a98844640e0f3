// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::ctl {

// Whether terminals accept UTF-8, by the locale.
[[nodiscard]] bool utf8_terminal();

// Text from outside, made safe for a line on a terminal: characters that could move the cursor, change colours or turn
// the direction of text become \xHH (see escape_bytes). So does everything but ASCII if the terminal does not accept
// UTF-8, where such bytes are controls. Backslashes stay: a pool escapes its clients' bytes, and text that is escaped
// twice is hard to read.
[[nodiscard]] std::string printable(std::string_view text);
// The same, with line feeds kept.
[[nodiscard]] std::string printable_lines(std::string_view text);

// Columns that a UTF-8 text without controls takes on a terminal.
[[nodiscard]] std::size_t display_width(std::string_view text);

// The front of `text` that is at most `width` columns wide; if it is cut it ends in `mark`, which takes one column.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width, std::string_view mark = "…");

}  // namespace preforkd::ctl
