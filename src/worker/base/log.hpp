// SPDX-License-Identifier: MIT
#pragma once

#include <prefork/log.hpp>

#include <initializer_list>
#include <string_view>

namespace prefork::internal {

using prefork::LogLevel;

// The log lines of the library, and of the application (prefork::log), go to stderr, one line and one write(2) per
// call:
//   NAME: text   on a terminal, in a pipe or in a file
//   <4>text      in a socket: that is the journal, which names the worker itself and reads the level (sd-daemon(3))
// The parts are joined. The caller must escape bytes of clients (base/escape.hpp); remaining control characters become
// blanks, so a line stays one line. A line longer than a pipe takes in one piece (PIPE_BUF, 4096 bytes) is cut and ends
// in "…". A worker must not stall because its log is not read: a line that would block is dropped, and the next one
// that is written says how many were.
void log_line(LogLevel level, std::initializer_list<std::string_view> parts) noexcept;

// NAME, for instance "echo[1]", initially the program's name. Cut at 63 bytes. Do not call it while another thread
// logs.
void set_log_name(std::string_view name) noexcept;

}  // namespace prefork::internal
