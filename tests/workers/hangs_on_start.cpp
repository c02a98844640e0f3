// SPDX-License-Identifier: MIT
// Starts, never sends READY=1 and does nothing.
#include <unistd.h>

int main() {
  for (;;) ::pause();
}
