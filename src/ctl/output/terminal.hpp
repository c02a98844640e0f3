// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace preforkd::ctl {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

// Of the terminal at standard output; the usual 80 by 24 where it does not tell, and where there is none.
[[nodiscard]] TerminalSize terminal_size();

// It obeys no sequence of control characters: $TERM says so, or nothing.
[[nodiscard]] bool dumb_terminal();

// Writes all of `text`, to a terminal or a pipe. What a reader who leaves early does not take is dropped.
void write_all(int fd, std::string_view text);

}  // namespace preforkd::ctl
