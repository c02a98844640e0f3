// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <prefork/server.hpp>

namespace preforkd::echo {

// Lines on stderr, each written at once, so that those of several workers never mix within a line. They begin with the
// worker's name ("echo[1]: ") unless stderr is a socket: that is the journal, which names the worker itself. A log that
// nobody reads holds up no client.
class Log {
 public:
  explicit Log(const prefork::WorkerIdentity& worker);

  // The parts make one line of at most PIPE_BUF bytes; no part may hold a newline. A line that stderr does not take at
  // once is lost.
  void line(std::initializer_list<std::string_view> parts);

 private:
  std::string prefix_;
  std::string line_;  // kept for its capacity
};

}  // namespace preforkd::echo
