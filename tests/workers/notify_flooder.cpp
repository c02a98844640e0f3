// SPDX-License-Identifier: MIT
// A ready worker that floods the master with notify messages as long as it lives: garbage, oversized ones, ones with
// descriptors, and among them valid names with impossible values. It writes to stdout, once, when it has sent many of
// each.
#include <fcntl.h>

#include <string>
#include <vector>

#include "plain_worker.hpp"

namespace {

constexpr std::size_t descriptors_a_message = 200;

std::vector<std::string> messages() {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  return {"",
          "\n\n\n=\n==\n",
          bytes,
          std::string(100000, 'A'),
          "STATUS=" + std::string(60000, 's'),
          "STATUS=\x1b[31m\xff\xfe\x01",
          "EXTEND_TIMEOUT_USEC=-1\nERRNO=99999999999999999999\nWATCHDOG_USEC=0",
          "EXTEND_TIMEOUT_USEC=18446744073709551615",
          "READY=0\nREADY=2\nREADY=\nREADY",
          std::string("READY=1\0STOPPING=1", 18),
          "MAINPID=1\nFDSTOREREMOVE=1\nNOTIFYACCESS=all\nWATCHDOG=trigger?\nBUSERROR=x"};
}

}  // namespace

int main() {
  plain_worker::notify("READY=1");
  const int fd = plain_worker::connect_to_master();
  const int passed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || passed < 0) return 71;
  const std::vector<std::string> all = messages();
  for (unsigned round = 0;; ++round) {
    for (const std::string& each : all) plain_worker::send_message(fd, each, -1, 0);
    plain_worker::send_message(fd, "FDSTORE=1\nFDNAME=flood", passed, descriptors_a_message);
    if (round == 50) plain_worker::write_line(STDOUT_FILENO, "flooded");
  }
}
