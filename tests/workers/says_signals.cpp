// SPDX-License-Identifier: MIT
// A helper of a worker that says on stderr which signals it gets, and is ended by none but SIGKILL.
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

int main() {
  sigset_t all;
  ::sigfillset(&all);
  ::sigprocmask(SIG_BLOCK, &all, nullptr);
  ::dprintf(STDERR_FILENO, "helper %d runs\n", ::getpid());
  for (int signal = 0; ::sigwait(&all, &signal) == 0;) {
    ::dprintf(STDERR_FILENO, "%s\n", signal == SIGTERM ? "told" : signal == SIGWINCH ? "probed" : "other signal");
  }
}
