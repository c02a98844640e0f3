// SPDX-License-Identifier: MIT
#include "generator/journal_line.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

// The journal's socket for plain messages, as syslog(3) sends them.
bool send_to_journal(const std::string& line) noexcept {
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strcpy(address.sun_path, "/run/systemd/journal/dev-log");
  return fd && ::sendto(fd.get(), line.data(), line.size(), MSG_NOSIGNAL, reinterpret_cast<const sockaddr*>(&address),
                        sizeof address) >= 0;
}

void send_to_kernel(const std::string& line) noexcept {
  const UniqueFd fd(::open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (fd && ::write(fd.get(), line.data(), line.size()) < 0) return;  // there is no other place to report to
}

}  // namespace

void tell_problem(const std::string& text) noexcept {
  std::fprintf(stderr, "preforkd-generator: %s\n", text.c_str());
  if (std::getenv("SYSTEMD_SCOPE") == nullptr) return;
  try {
    constexpr const char* error_of_daemon = "<27>";  // LOG_DAEMON | LOG_ERR
    const std::string line = error_of_daemon + ("preforkd-generator[" + std::to_string(::getpid()) + "]: ") + text;
    if (!send_to_journal(line)) send_to_kernel(line + '\n');
  } catch (const std::exception&) {
    return;  // stderr has it
  }
}

}  // namespace preforkd
