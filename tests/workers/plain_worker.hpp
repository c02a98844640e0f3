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
#include <vector>

// A few lines that make a program a worker without preforkd's library: sd_notify's datagram, the first socket of
// LISTEN_FDS, one client at a time.
namespace plain_worker {

inline constexpr int listen_fd = 3;

// A datagram socket that sends to NOTIFY_SOCKET, or -1.
inline int connect_to_master() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr) return -1;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::size_t length = std::strlen(path);
  if (length >= sizeof address.sun_path) return -1;
  std::memcpy(address.sun_path, path, length);
  if (path[0] == '@') address.sun_path[0] = '\0';
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length + (path[0] == '@' ? 0 : 1));
  return ::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 ? fd : -1;
}

// Sends one message with `count` copies of a descriptor. False if it was not accepted.
inline bool send_message(int socket, std::string_view message, int descriptor, std::size_t count) {
  std::string text(message);
  std::vector<char> control(CMSG_SPACE(count * sizeof descriptor));
  iovec part{text.data(), text.size()};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  if (count > 0) {
    header.msg_control = control.data();
    header.msg_controllen = control.size();
    cmsghdr* rights = CMSG_FIRSTHDR(&header);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(count * sizeof descriptor);
    for (std::size_t i = 0; i < count; ++i) {
      std::memcpy(CMSG_DATA(rights) + i * sizeof descriptor, &descriptor, sizeof descriptor);
    }
  }
  return ::sendmsg(socket, &header, MSG_NOSIGNAL) == static_cast<ssize_t>(text.size());
}

// sd_notify(3), with a descriptor if given.
inline bool notify(std::string_view message, int descriptor = -1) {
  const int fd = connect_to_master();
  const bool sent = fd >= 0 && send_message(fd, message, descriptor, descriptor >= 0 ? 1 : 0);
  ::close(fd);
  return sent;
}

inline std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The next connection of the first listening socket, whether it is blocking or not.
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

// Answers each line with "SLOT PID: LINE", one client after the other, until a signal ends the process. Passes each
// line to `act` first.
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
