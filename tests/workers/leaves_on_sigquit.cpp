// SPDX-License-Identifier: MIT
// Usage: leaves_on_sigquit [FILE]. A server without sd_notify, which ignores SIGTERM and leaves on SIGQUIT, like some
// web servers. It answers lines, and appends a line to FILE when it is up and when it leaves.
#include <fcntl.h>
#include <signal.h>

#include "plain_worker.hpp"

namespace {

int diary = -1;

void note(const char* line) { [[maybe_unused]] const ssize_t written = ::write(diary, line, std::strlen(line)); }

void leave(int) {
  note("left\n");
  ::_exit(0);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) diary = ::open(argv[1], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ::signal(SIGTERM, SIG_IGN);
  ::signal(SIGQUIT, leave);
  note("up\n");
  plain_worker::serve();
}
