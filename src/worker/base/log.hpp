// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string_view>

namespace prefork::internal {

// Values of syslog(3) and sd-daemon(3).
enum class LogLevel { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };

// What the library itself has to say goes to stderr, one line and one write(2) for each call:
//   NAME: text   on a terminal, in a pipe or in a file
//   <4>text      in a socket: that is the journal, which names the worker itself and reads the level off (sd-daemon(3))
// The parts are joined. Bytes of clients must be escaped by the caller (base/escape.hpp); controls that slip through
// become blanks, so a line stays one line. What is longer than a pipe takes in one piece (PIPE_BUF, 4096 bytes) is cut
// and ends in "…". A worker must not stand still because nobody reads its log: a line that would block is dropped, and
// the next one that gets through says how many were.
void log_line(LogLevel level, std::initializer_list<std::string_view> parts) noexcept;

// NAME, for instance "echo[1]", at first the program's name. Cut at 63 bytes. Not while another thread logs.
void set_log_name(std::string_view name) noexcept;

}  // namespace prefork::internal
