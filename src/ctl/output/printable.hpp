// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::ctl {

// Whether terminals here take UTF-8, as the locale says.
[[nodiscard]] bool utf8_terminal();

// Text that came from elsewhere, fit for a line on a terminal: whatever could move the cursor, change colours or turn
// the direction of text becomes \xHH (see escape_bytes), and so does all but ASCII where the terminal takes no UTF-8:
// bytes of it are controls there. Backslashes stay: a pool escapes what its clients sent, and what is escaped twice is
// hard to read.
[[nodiscard]] std::string printable(std::string_view text);
// The same, with line feeds kept.
[[nodiscard]] std::string printable_lines(std::string_view text);
// The same for a format that is UTF-8, whatever the terminal.
[[nodiscard]] std::string printable_utf8_lines(std::string_view text);

// Columns that a UTF-8 text without controls takes on a terminal.
[[nodiscard]] std::size_t display_width(std::string_view text);

// The front of `text` that is at most `width` columns wide; if it is cut it ends in `mark`, which takes one column.
[[nodiscard]] std::string shorten(std::string_view text, std::size_t width, std::string_view mark = "…");

}  // namespace preforkd::ctl
