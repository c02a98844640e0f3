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

// Of the terminal at standard output; 80 by 24 if there is none, or it does not say.
[[nodiscard]] TerminalSize terminal_size();

// Whether it obeys no escape sequences: $TERM says so, or is not set.
[[nodiscard]] bool dumb_terminal();

// Writes all of `text`, to a terminal or a pipe. What a reader who leaves early does not take is dropped.
void write_all(int fd, std::string_view text);

// The terminal of standard input and output as a screen to draw on: the alternate screen, without a cursor; keys come
// one by one and without echo. The destructor restores the terminal, so the owner must catch the signals that would end
// the process. One at a time.
class FullScreen {
 public:
  FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  ~FullScreen();

  // Whether both are terminals, and not dumb.
  [[nodiscard]] static bool possible();

  // Replaces what is shown by these lines.
  void draw(const std::string& lines) const;

  // Gives the terminal back, stops the process as Ctrl-Z does, and takes it again when the process goes on.
  void suspend();

 private:
  void take() const;
  void give_back() const;

  termios before_{};
};

// Keys of a terminal from its bytes, which come in pieces of any size. Escape sequences, of an arrow for instance, are
// dropped.
class KeyReader {
 public:
  // The keys that the bytes complete. An escape character at the end is kept: it is the key Esc, or begins a sequence.
  [[nodiscard]] std::string take(std::string_view bytes);
  // Whether an escape character is kept.
  [[nodiscard]] bool undecided() const noexcept { return state_ == State::escape; }
  // For the caller to say that nothing followed it for a while: it is the key Esc.
  [[nodiscard]] std::string decide();

 private:
  enum class State { plain, escape, sequence, one_more };
  void take(char byte, std::string& keys);

  State state_ = State::plain;
};

}  // namespace preforkd::ctl
