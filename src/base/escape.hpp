// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd {

// Makes bytes from outside safe for one log line: keeps printable ASCII and valid UTF-8, and turns the backslash and
// everything else, including controls and direction marks in UTF-8, into "\\", "\n", "\t" or "\xHH". Cuts after `limit`
// bytes of input, never inside a UTF-8 sequence, and then ends in "…(+N bytes)".
[[nodiscard]] std::string escape_bytes(std::string_view bytes, std::size_t limit = 256);

// The same without cutting, for text that may be escaped already: backslashes and the characters in `kept` stay.
[[nodiscard]] std::string escape_unsafe(std::string_view text, std::string_view kept = {});

// A user's text for a message about it: escaped, cut at 80 bytes, in double quotes.
[[nodiscard]] std::string in_quotes(std::string_view text);

// Valid UTF-8 without NUL, which the D-Bus specification requires of strings.
[[nodiscard]] bool is_utf8_text(std::string_view bytes);

}  // namespace preforkd
