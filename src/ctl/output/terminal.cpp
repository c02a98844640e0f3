// SPDX-License-Identifier: MIT
#include "ctl/output/terminal.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

namespace preforkd::ctl {

TerminalSize terminal_size() {
  TerminalSize size;
  winsize told{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &told) != 0) return size;
  if (told.ws_col != 0) size.columns = told.ws_col;
  if (told.ws_row != 0) size.lines = told.ws_row;
  return size;
}

bool dumb_terminal() {
  const char* const name = std::getenv("TERM");
  return name == nullptr || std::strcmp(name, "dumb") == 0;
}

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(fd, text.data(), text.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
}

}  // namespace preforkd::ctl
