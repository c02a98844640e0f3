// SPDX-License-Identifier: MIT
// A ready worker with a child process that inherits all its descriptors and outlives it.
#include "plain_worker.hpp"

int main() {
  if (::fork() == 0) {
    for (;;) ::pause();
  }
  plain_worker::notify("READY=1");
  plain_worker::serve();
}
