// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::echo {

// Makes a client's bytes fit for one log line: printable ASCII stays, '\\' and '"' get a backslash, all else becomes
// \n, \t or \xHH. What is longer than `limit` bytes of input is cut and ends in "…(+N bytes)".
[[nodiscard]] std::string escape(std::string_view bytes, std::size_t limit = 256);

}  // namespace preforkd::echo
