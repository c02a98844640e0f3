// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace preforkd::ctl {

// The program of that name in the folder of this one; just its name, for $PATH, if there is none.
[[nodiscard]] std::string own_neighbour(const std::string& name);

// Runs a program, found in $PATH, to its end and returns its exit status, 128 and the number if a signal ended it.
// Throws ExitError (69) if that fails.
[[nodiscard]] int run_program(const std::string& program, const std::vector<std::string>& arguments);

// Executes a program, found in $PATH, in this one's place. Throws ExitError (69) if that fails.
[[noreturn]] void become(const std::string& program, const std::vector<std::string>& arguments);

}  // namespace preforkd::ctl
