// SPDX-License-Identifier: MIT
// Usage: slow_to_start FIFO. Asks for more time, then is ready once FIFOSLOT was opened for writing and closed.
#include <fcntl.h>

#include "plain_worker.hpp"

int main(int argc, char** argv) {
  if (argc < 2) return 64;
  plain_worker::notify("STATUS=loading\nEXTEND_TIMEOUT_USEC=60000000");
  const int fd =
      ::open((std::string(argv[1]) + plain_worker::environment("PREFORK_WORKER")).c_str(), O_RDONLY | O_CLOEXEC);
  std::string line;
  plain_worker::read_line(fd, line);
  ::close(fd);
  plain_worker::notify("READY=1");
  plain_worker::serve();
}
