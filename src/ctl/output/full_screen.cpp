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
  std::string text = "\x1b[H";
  for (const char c : lines) {
    if (c == '\n') text += "\x1b[K";
    text += c;
  }
  write_all(STDOUT_FILENO, text + "\x1b[K\x1b[J");
}

void FullScreen::suspend() {
  give_back();
  ::raise(SIGSTOP);
  take();
}

}  // namespace preforkd::ctl
