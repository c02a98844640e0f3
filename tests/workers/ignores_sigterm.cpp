// SPDX-License-Identifier: MIT
// A ready worker that does not leave when asked to.
#include <signal.h>

#include "plain_worker.hpp"

int main() {
  ::signal(SIGTERM, SIG_IGN);
  plain_worker::notify("READY=1");
  plain_worker::serve();
}
