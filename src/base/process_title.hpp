// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace preforkd {

// Shows `title` in ps(1) and /proc/PID/cmdline, and its first 15 bytes of `name` in /proc/PID/comm (PR_SET_NAME; pstree
// shows it). The text is written over the process's own argv and environ strings (PR_SET_MM_ARG_START needs a privilege
// that workers lack); the environment is first copied to the heap, so getenv(3) stays valid. A title longer than that
// area is cut. Call adopt_process_title() first in main(), before threads and before anything keeps pointers into argv
// or environ. argv's entries are pointed to copies.
void adopt_process_title(int argc, char** argv) noexcept;
// Without argc and argv (a library): finds the area by /proc/self/stat's arg_start and arg_end; false where that is
// impossible. main's argv entries are pointed to copies here too, but a pointer that somebody took from one before
// shows pieces of the title.
bool adopt_process_title() noexcept;

// Does nothing before a successful adopt_process_title().
void set_process_title(std::string_view title) noexcept;
void set_process_name(std::string_view name) noexcept;

}  // namespace preforkd
