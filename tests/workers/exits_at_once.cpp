// SPDX-License-Identifier: MIT
// Usage: exits_at_once [STATUS [ready]]. Exits with STATUS, by default 1; with "ready" it sends READY=1 before.
#include <cstdlib>

#include "plain_worker.hpp"

int main(int argc, char** argv) {
  if (argc > 2) plain_worker::notify("READY=1");
  return argc > 1 ? std::atoi(argv[1]) : 1;
}
