// SPDX-License-Identifier: MIT
#pragma once

#include <termios.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace preforkd::ctl {

struct TerminalSize {
  std::size_t columns = 80;
  std::size_t lines = 24;
};

// The size of the terminal at standard output; 80 by 24 if there is none, or if it is unknown.
[[nodiscard]] TerminalSize terminal_size();

// Whether the terminal obeys no escape sequences: by $TERM, or because that is not set.
[[nodiscard]] bool dumb_terminal();

// Writes all of `text`, to a terminal or a pipe. Drops the rest if the reader leaves early.
void write_all(int fd, std::string_view text);

// The terminal of standard input and output as a screen to draw on: the alternate screen, without a cursor; keys are
// read one by one and without echo. The destructor restores the terminal, so the owner must catch the signals that
// would end the process. Only one object at a time.
class FullScreen {
 public:
  FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  ~FullScreen();

  // Whether both are terminals, and not dumb.
  [[nodiscard]] static bool possible();

  // Replaces the screen's contents by these lines.
  void draw(const std::string& lines) const;

  // Restores the terminal, stops the process as Ctrl-Z does, and takes the terminal again when the process is
  // continued.
  void suspend();

 private:
  void take() const;
  void give_back() const;

  termios before_{};
};

// Keys of a terminal from its bytes, which arrive in pieces of any size. Drops escape sequences, for instance of an
// arrow.
class KeyReader {
 public:
  // The keys that the bytes complete. An escape character at the end is kept: it is the key Esc, or begins a sequence.
  [[nodiscard]] std::string take(std::string_view bytes);
  // Whether an escape character is kept.
  [[nodiscard]] bool undecided() const noexcept { return state_ == State::escape; }
  // Called when nothing has followed it for a while: it is the key Esc.
  [[nodiscard]] std::string decide();

 private:
  enum class State { plain, escape, sequence, one_more };
  void take(char byte, std::string& keys);

  State state_ = State::plain;
};

}  // namespace preforkd::ctl
