// SPDX-License-Identifier: MIT
#include "ctl/output/full_screen.hpp"

#include <signal.h>
#include <unistd.h>

#include "ctl/output/terminal.hpp"

namespace preforkd::ctl {

bool FullScreen::possible() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1 && !dumb_terminal(); }

FullScreen::FullScreen() {
  ::tcgetattr(STDIN_FILENO, &before_);
  take();
}

FullScreen::~FullScreen() { give_back(); }

void FullScreen::take() const {
  termios keys = before_;
  keys.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  keys.c_cc[VMIN] = 1;
  keys.c_cc[VTIME] = 0;
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &keys);
  write_all(STDOUT_FILENO, "\x1b[?1049h\x1b[?25l\x1b[2J");
}

void FullScreen::give_back() const {
  write_all(STDOUT_FILENO, "\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void FullScreen::draw(const std::string& lines) const {
  // What is erased is so before a line's text: after one of full width the cursor is still on its last character.
  std::string text = "\x1b[H";
  for (std::size_t at = 0; at != std::string::npos;) {
    const std::size_t end = lines.find('\n', at);
    const bool last = end == std::string::npos;
    text.append(last ? "\x1b[J" : "\x1b[K").append(lines, at, last ? end : end + 1 - at);
    at = last ? end : end + 1;
  }
  write_all(STDOUT_FILENO, text);
}

void FullScreen::suspend() {
  give_back();
  ::raise(SIGSTOP);
  take();
}

}  // namespace preforkd::ctl
