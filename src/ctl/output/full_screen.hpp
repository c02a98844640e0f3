// SPDX-License-Identifier: MIT
#pragma once

#include <termios.h>

#include <string>

namespace preforkd::ctl {

// The terminal of standard input and output as one screen to draw on: the alternate one, without a cursor, keys coming
// one by one and unseen. However its owner is left, by return or by exception, the terminal is as it was; signals that
// would end the process must be taken by its owner. One at a time.
class FullScreen {
 public:
  FullScreen();
  FullScreen(const FullScreen&) = delete;
  FullScreen& operator=(const FullScreen&) = delete;
  ~FullScreen();

  // Both must be terminals, and no dumb ones.
  [[nodiscard]] static bool possible();

  // Replaces what is seen by these lines.
  void draw(const std::string& lines) const;

  // Gives the terminal back, stops the process as Ctrl-Z does, and takes it again when the process goes on.
  void suspend();

 private:
  void take() const;
  void give_back() const;

  termios before_{};
};

}  // namespace preforkd::ctl
