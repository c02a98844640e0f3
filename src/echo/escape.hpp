// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::echo {

// Makes a client's bytes safe for one log line: keeps printable ASCII, puts a backslash before '\\' and '"', and turns
// everything else into \n, \t or \xHH. Cuts after `limit` bytes of input, and then ends in "…(+N bytes)".
[[nodiscard]] std::string escape(std::string_view bytes, std::size_t limit = 256);

}  // namespace preforkd::echo
