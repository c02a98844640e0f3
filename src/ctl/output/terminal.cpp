// SPDX-License-Identifier: MIT
#include "ctl/output/terminal.hpp"

#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace preforkd::ctl {
namespace {

constexpr char escape = '\x1b';

}  // namespace

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
  // Erases before a line's text: after a line of full width the cursor is still on its last character.
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

std::string KeyReader::take(std::string_view bytes) {
  std::string keys;
  for (const char byte : bytes) take(byte, keys);
  return keys;
}

std::string KeyReader::decide() {
  return std::exchange(state_, State::plain) == State::escape ? std::string(1, escape) : "";
}

// ECMA-48: ESC [, parameters, and a final character from @ on; ESC O and a character; ESC and a character (Alt).
void KeyReader::take(char byte, std::string& keys) {
  switch (state_) {
    case State::plain:
      if (byte == escape) {
        state_ = State::escape;
      } else {
        keys += byte;
      }
      break;
    case State::escape:
      if (byte == escape) {
        keys += escape;
      } else {
        state_ = byte == '[' ? State::sequence : byte == 'O' ? State::one_more : State::plain;
      }
      break;
    case State::sequence:
      if (byte >= '@' && byte <= '~') state_ = State::plain;
      break;
    case State::one_more:
      state_ = State::plain;
      break;
  }
}

}  // namespace preforkd::ctl
