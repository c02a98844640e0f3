// SPDX-License-Identifier: MIT
#pragma once

#include <stdexcept>
#include <string>

namespace preforkd::ctl {

// Ends the program: main() prints what(), which may have several lines, and returns exit_code() (base/errors.hpp).
// Where there is something to do about it, the text says what.
class CommandError : public std::runtime_error {
 public:
  CommandError(int exit_code, const std::string& text) : std::runtime_error(text), exit_code_(exit_code) {}
  [[nodiscard]] int exit_code() const noexcept { return exit_code_; }

 private:
  int exit_code_;
};

}  // namespace preforkd::ctl
