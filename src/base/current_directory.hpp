// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The current directory by the name that the shell has for it ($PWD), if that is it, else as the kernel says; empty if
// neither can be had. They differ below a symbolic link: /srv/current is another release tomorrow, and the kernel's
// /srv/releases/42 is gone then.
[[nodiscard]] std::string current_directory();

// `path` from there, if it is relative.
[[nodiscard]] std::string from_current_directory(std::string path);

}  // namespace preforkd
