// SPDX-License-Identifier: MIT
// A ready worker that answers lines, and obeys some of them:
//   abort             ends by SIGABRT
//   exit STATUS       exits
//   hang              does nothing more, and does not answer
//   toil              works without an end, and does not answer
//   become UID        changes its user for good
//   barrier           sends BARRIER=1 and answers once the master has closed the descriptor sent with it
//   shutdown          shuts its listening socket down, which ends it for all holders
//   notify TEXT       sends TEXT to the master; \n means a newline
#include <array>
#include <cstdlib>
#include <string>

#include "plain_worker.hpp"

namespace {

std::string with_line_ends(std::string text) {
  for (std::size_t at = text.find("\\n"); at != std::string::npos; at = text.find("\\n")) text.replace(at, 2, "\n");
  return text;
}

std::string argument_of(const std::string& line, const std::string& command) {
  return line.starts_with(command + " ") ? line.substr(command.size() + 1) : "";
}

void wait_for_barrier() {
  std::array<int, 2> ends{};
  if (::pipe(ends.data()) != 0) std::abort();
  plain_worker::notify("BARRIER=1", ends[1]);
  ::close(ends[1]);
  char byte = 0;
  if (::read(ends[0], &byte, 1) != 0) std::abort();
  ::close(ends[0]);
}

void act(const std::string& line) {
  if (line == "barrier") wait_for_barrier();
  if (line == "abort") std::abort();
  if (line == "shutdown") ::shutdown(plain_worker::listen_fd, SHUT_RDWR);
  if (line == "hang") {
    for (;;) ::pause();
  }
  if (line == "toil") {
    for (;;) ::getppid();
  }
  if (const std::string user = argument_of(line, "become"); !user.empty()) {
    if (::setuid(static_cast<uid_t>(std::stoul(user))) != 0) std::abort();
  }
  if (const std::string status = argument_of(line, "exit"); !status.empty()) ::_exit(std::stoi(status));
  if (const std::string text = argument_of(line, "notify"); !text.empty()) plain_worker::notify(with_line_ends(text));
}

}  // namespace

int main() {
  plain_worker::notify("READY=1\nSTATUS=does as told");
  plain_worker::serve(act);
}
