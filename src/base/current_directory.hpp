// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The current directory as the shell names it ($PWD), if that is correct, else as the kernel does; empty if neither is
// available. They differ below a symbolic link: /srv/current may be another release tomorrow, and the kernel's
// /srv/releases/42 is gone then.
[[nodiscard]] std::string current_directory();

// `path`, relative to the current directory if it is not absolute.
[[nodiscard]] std::string from_current_directory(std::string path);

}  // namespace preforkd
