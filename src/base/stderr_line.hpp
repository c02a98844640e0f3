// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace preforkd {

// Writes `line` to stderr at once and never waits: neither a reader that stalls nor a terminal stopped by ^S may hold
// up a process that has workers or clients to serve. Bytes after the first PIPE_BUF are cut off. False if the line was
// not written; the caller counts it. A pipe or a socket without a reader raises no SIGPIPE. Allocates nothing, and
// works without a free descriptor and without /proc. May change errno.
//
// Stderr's open file description is shared with other processes, workers and a shell's commands, that expect it to
// block, so O_NONBLOCK must not be set on it. A pipe or a terminal is therefore opened again through /proc, as an open
// file description of our own. poll(2) and then a write that may block is not enough: a terminal is writable as soon as
// it has room for one byte, and another process may fill a pipe in between. It is the last resort where stderr can't be
// opened again. For a file it is right: it never blocks, and its offset is in the shared description.
[[nodiscard]] bool write_stderr_line(std::string_view line) noexcept;

}  // namespace preforkd
