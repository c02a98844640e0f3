// SPDX-License-Identifier: MIT
// Usage: exits_at_once STATUS. Is never ready.
#include <cstdlib>

int main(int argc, char** argv) { return argc > 1 ? std::atoi(argv[1]) : 1; }
