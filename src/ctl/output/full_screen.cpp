// SPDX-License-Identifier: MIT
#include "ctl/output/full_screen.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <string_view>

namespace preforkd::ctl {
namespace {

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t size = ::write(STDOUT_FILENO, text.data(), text.size());
    if (size < 0 && errno != EINTR) return;
    if (size > 0) text.remove_prefix(static_cast<std::size_t>(size));
  }
}

}  // namespace

bool FullScreen::possible() { return ::isatty(STDIN_FILENO) == 1 && ::isatty(STDOUT_FILENO) == 1; }

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
  write_all("\x1b[?1049h\x1b[?25l\x1b[2J");
}

void FullScreen::give_back() const {
  write_all("\x1b[?25h\x1b[?1049l");
  ::tcsetattr(STDIN_FILENO, TCSADRAIN, &before_);
}

void FullScreen::draw(const std::string& lines) const {
  std::string text = "\x1b[H";
  for (const char c : lines) {
    if (c == '\n') text += "\x1b[K";
    text += c;
  }
  write_all(text + "\x1b[K\x1b[J");
}

void FullScreen::suspend() {
  give_back();
  ::raise(SIGSTOP);
  take();
}

FullScreen::Size FullScreen::size() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size = {};
  return {size.ws_col != 0 ? size.ws_col : std::size_t{80}, size.ws_row != 0 ? size.ws_row : std::size_t{24}};
}

}  // namespace preforkd::ctl
