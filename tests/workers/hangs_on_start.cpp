// SPDX-License-Identifier: MIT
// Starts, never says READY=1 and does nothing.
#include <unistd.h>

int main() {
  for (;;) ::pause();
}
