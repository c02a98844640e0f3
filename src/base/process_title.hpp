// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace preforkd {

// Shows `title` in ps(1) and /proc/PID/cmdline, and the first 15 bytes of `name` in /proc/PID/comm (PR_SET_NAME; pstree
// shows it). The text overwrites the process's own argv and environ strings (PR_SET_MM_ARG_START needs a privilege that
// workers lack); the environment is first copied to the heap, so getenv(3) stays valid. A title longer than that area
// is cut. Call adopt_process_title() first in main(), before threads and before anything keeps pointers into argv or
// environ. It makes argv's entries point to copies.
void adopt_process_title(int argc, char** argv) noexcept;
// Without argc and argv (for a library): finds the area by arg_start and arg_end of /proc/self/stat; false if that is
// impossible. Makes main's argv entries point to copies, too, but a pointer that was copied from one before shows
// pieces of the title.
bool adopt_process_title() noexcept;

// Does nothing before a successful adopt_process_title().
void set_process_title(std::string_view title) noexcept;
void set_process_name(std::string_view name) noexcept;

}  // namespace preforkd
