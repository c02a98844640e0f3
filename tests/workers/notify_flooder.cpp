// SPDX-License-Identifier: MIT
// A ready worker that floods the master with notify messages as long as it lives: garbage, oversized ones, ones with
// descriptors, and among them what the protocol knows with values that cannot be. It writes to stdout, once, when it
// has sent many of each.
#include <fcntl.h>

#include <array>
#include <string>
#include <vector>

#include "plain_worker.hpp"

namespace {

int connect_to_master() {
  const std::string path = plain_worker::environment("NOTIFY_SOCKET");
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::memcpy(address.sun_path, path.data(), path.size());
  if (path.front() == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size =
      static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + (path.front() == '@' ? 0 : 1));
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 ? fd : -1;
}

void send_descriptors(int fd, int passed) {
  constexpr std::size_t count = 200;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(count * sizeof(int))> control{};
  char text[] = "FDSTORE=1\nFDNAME=flood";
  iovec part{text, sizeof text - 1};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(count * sizeof(int));
  for (std::size_t i = 0; i < count; ++i) std::memcpy(CMSG_DATA(header) + i * sizeof passed, &passed, sizeof passed);
  [[maybe_unused]] const ssize_t sent = ::sendmsg(fd, &message, MSG_NOSIGNAL);
}

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
  const int fd = connect_to_master();
  const int passed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0 || passed < 0) return 71;
  const std::vector<std::string> all = messages();
  for (unsigned round = 0;; ++round) {
    for (const std::string& each : all)
      [[maybe_unused]] const ssize_t sent = ::send(fd, each.data(), each.size(), MSG_NOSIGNAL);
    send_descriptors(fd, passed);
    if (round == 200) plain_worker::write_line(STDOUT_FILENO, "flooded");
  }
}
