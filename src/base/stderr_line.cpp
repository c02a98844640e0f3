// SPDX-License-Identifier: MIT
#include "base/stderr_line.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstddef>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

// Empty for a file, a socket, and what cannot be opened again.
UniqueFd reopen_stderr() noexcept {
  struct stat now {};
  if (::fstat(STDERR_FILENO, &now) != 0 || !(S_ISFIFO(now.st_mode) || S_ISCHR(now.st_mode))) return {};
  return UniqueFd(::open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

bool write_stderr_line(std::string_view line) noexcept {
  const std::size_t size = std::min<std::size_t>(line.size(), PIPE_BUF);
  const UniqueFd own = reopen_stderr();
  if (!own) {
    if (::send(STDERR_FILENO, line.data(), size, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return true;
    if (errno != ENOTSOCK) return false;
  }
  // POLLERR in addition to POLLOUT means a pipe without a reader: a write would raise SIGPIPE.
  pollfd ready{own ? own.get() : STDERR_FILENO, POLLOUT, 0};
  if (::poll(&ready, 1, 0) != 1 || ready.revents != POLLOUT) return false;
  return ::write(ready.fd, line.data(), size) >= 0;
}

}  // namespace preforkd
