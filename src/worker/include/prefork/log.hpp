// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include <prefork/connection.hpp>
#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

// Values of syslog(3) and sd-daemon(3).
enum class LogLevel { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// Writes one line to stderr, as the library itself does, at once and in one piece:
//   echo[1]: text   on a terminal, in a pipe or in a file; outside a pool the program's name
//   <4>text         in a socket: that is the journal, which names the worker itself and reads the level
// The parts are joined: log(LogLevel::info, {"reloaded ", name}). Control characters become blanks, and a line longer
// than 4096 bytes is cut. A line that would block is dropped, and a later one says how many were. May be called from
// any thread, once a Server exists.
PREFORK_EXPORT void log(LogLevel level, std::initializer_list<std::string_view> parts) noexcept;
template <class Text, IfText<Text> = 0>
void log(LogLevel level, const Text& text) noexcept {
  log(level, {std::string_view(text)});
}

// Makes bytes of a client safe for a log line: keeps printable ASCII and valid UTF-8, and turns everything else, and
// the backslash, into "\\", "\n", "\t" or "\xHH". Cuts after `limit` bytes, and then ends in "…(+N bytes)".
[[nodiscard]] PREFORK_EXPORT std::string escape(std::string_view bytes, std::size_t limit = 256);

}  // namespace v0
}  // namespace prefork
