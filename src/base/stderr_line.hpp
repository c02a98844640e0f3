// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace preforkd {

// Writes `line` to stderr at once and never waits: neither a reader that stalls nor a terminal stopped by ^S may hold
// up a process that serves workers or clients. Cuts bytes after the first PIPE_BUF. False if the line was not written;
// the caller counts it. A pipe or a socket without a reader raises no SIGPIPE. Does not allocate, and works without a
// free descriptor and without /proc. May change errno.
//
// Other processes (workers, a shell's commands) share stderr's open file description and expect it to block, so
// O_NONBLOCK must not be set on it. A pipe or a terminal is therefore opened again through /proc, as an open file
// description of our own. poll(2) and then a write that may block is not enough: a terminal is writable as soon as it
// has room for one byte, and another process may fill a pipe meanwhile. It is the last resort if stderr cannot be
// opened again. For a file it is right: it never blocks, and its offset is in the shared description.
[[nodiscard]] bool write_stderr_line(std::string_view line) noexcept;

}  // namespace preforkd
