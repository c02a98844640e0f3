// SPDX-License-Identifier: MIT
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>

// The few lines with which a program that knows nothing of preforkd or libprefork takes part: sd_notify's datagram,
// LISTEN_FDS's first socket, one client at a time.
namespace plain_worker {

inline constexpr int listen_fd = 3;

// Sends one datagram to NOTIFY_SOCKET. False if there is none or the message was not taken.
inline bool notify(std::string_view message, int flags = 0) {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return false;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return false;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (path[0] == '@' ? 0 : 1));
  const ssize_t sent = ::sendto(fd, message.data(), message.size(), flags | MSG_NOSIGNAL,
                                reinterpret_cast<const sockaddr*>(&address), size);
  ::close(fd);
  return sent == static_cast<ssize_t>(message.size());
}

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The next connection of the first listening socket, which the master may have made non-blocking.
inline int accept_blocking() {
  pollfd listener{listen_fd, POLLIN, 0};
  while (::poll(&listener, 1, -1) >= 0) {
    const int fd = ::accept4(listen_fd, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) return fd;  // otherwise another worker was faster
  }
  return -1;
}

// One line without its '\n'; false at end-of-file.
inline bool read_line(int fd, std::string& line) {
  line.clear();
  for (char byte = 0; ::read(fd, &byte, 1) == 1;) {
    if (byte == '\n') return true;
    line += byte;
  }
  return false;
}

inline void write_line(int fd, const std::string& line) {
  const std::string text = line + "\n";
  [[maybe_unused]] const ssize_t written = ::write(fd, text.data(), text.size());
}

// Answers each line with "SLOT PID: LINE", one client after the other, until a signal ends the process. `act` sees each
// line first.
template <class Act>
[[noreturn]] void serve(Act act) {
  for (std::string line;;) {
    const int fd = accept_blocking();
    while (fd >= 0 && read_line(fd, line)) {
      act(line);
      write_line(fd, environment("PREFORK_WORKER") + " " + std::to_string(::getpid()) + ": " + line);
    }
    ::close(fd);
  }
}

[[noreturn]] inline void serve() {
  serve([](const std::string&) {});
}

}  // namespace plain_worker
