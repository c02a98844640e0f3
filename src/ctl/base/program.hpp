// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace preforkd::ctl {

// The program of that name in the folder of this one; the name alone, for $PATH, if it does not exist there.
[[nodiscard]] std::string own_neighbour(const std::string& name);

// Runs a program, found in $PATH, to its end and returns its exit status, or 128 plus the signal that ended it. Throws
// ExitError (69) if it cannot be run. `quiet`: its standard output is discarded.
[[nodiscard]] int run_program(const std::string& program, const std::vector<std::string>& arguments, bool quiet);

struct ProgramOutput {
  int status = 0;      // as run_program() returns it
  std::string output;  // what it wrote to stdout and stderr; of much only the end
};
// The same for a program that reads nothing and is in a process group of its own, so that Ctrl-C does not end it.
[[nodiscard]] ProgramOutput run_in_background(const std::string& program, const std::vector<std::string>& arguments);

// Replaces this process by a program, found in $PATH. Throws ExitError (69) if that fails.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace preforkd::ctl
