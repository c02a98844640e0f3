// SPDX-License-Identifier: MIT
// Usage: extends_drain FIFO. When asked to leave, the worker of slot 0 asks for more time, and leaves once FIFO was
// opened for writing and closed. The others send nothing and stay.
#include <fcntl.h>
#include <signal.h>

#include "plain_worker.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  sigset_t term;
  ::sigemptyset(&term);
  ::sigaddset(&term, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &term, nullptr);
  plain_worker::notify("READY=1");
  int got = 0;
  ::sigwait(&term, &got);
  if (plain_worker::environment("PREFORK_WORKER") != "0") {
    for (;;) ::pause();
  }
  plain_worker::notify("STOPPING=1\nEXTEND_TIMEOUT_USEC=600000000");
  const int fd = ::open(argv[1], O_RDONLY | O_CLOEXEC);
  std::string line;
  plain_worker::read_line(fd, line);
  ::close(fd);
}
