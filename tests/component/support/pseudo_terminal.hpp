// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>
#include <termios.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/unique_fd.hpp"
#include "support/deadline.hpp"
#include "support/process.hpp"

namespace preforkd::component {

// A program at its own terminal, 30 lines of 120 columns. The destructor kills and reaps it.
class PseudoTerminal {
 public:
  // `environment` is added to a small one with TERM=xterm and a UTF-8 locale. Throws HarnessError.
  PseudoTerminal(const std::string& program, const std::vector<std::string>& arguments,
                 const std::vector<std::pair<std::string, std::string>>& environment = {});
  PseudoTerminal(const PseudoTerminal&) = delete;
  PseudoTerminal& operator=(const PseudoTerminal&) = delete;
  ~PseudoTerminal();

  void type(std::string_view keys) const;
  void signal(int number) const;
  // Reads until `part` appears after what the last call returned, and returns all from there to the end of `part`; the
  // next call continues after it. Throws HarnessError with the text if it does not appear.
  std::string wait_for(std::string_view part, const Deadline& deadline = {});
  // Reads to the end of the program.
  Exit wait_exit(const Deadline& deadline = {});
  // All that was read.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  // As the program has left it, or has it now.
  [[nodiscard]] termios settings() const;

 private:
  bool read_some(const Deadline& deadline);

  pid_t pid_ = -1;
  UniqueFd pidfd_;
  UniqueFd terminal_;
  UniqueFd other_end_;  // keeps the settings after the program has ended
  std::string text_;
  bool end_marked_ = false;
  bool text_ended_ = false;
  std::size_t seen_ = 0;
};

}  // namespace preforkd::component
