// SPDX-License-Identifier: MIT
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>

#include <prefork/server.hpp>

namespace preforkd::echo {

// Lines on stderr, each written at once, so that lines of several workers do not mix. They begin with the worker's name
// ("echo[1]: ") unless stderr is a socket: that is the journal, which names the worker itself. A log that is not read
// does not hold up clients.
class Log {
 public:
  explicit Log(const prefork::WorkerIdentity& worker);

  // Writes the parts as one line of at most PIPE_BUF bytes; no part may contain a newline. The line is lost if stderr
  // does not take it at once.
  void line(std::initializer_list<std::string_view> parts);

 private:
  std::string prefix_;
  std::string line_;  // kept for its capacity
};

}  // namespace preforkd::echo
