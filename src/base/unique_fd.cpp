// SPDX-License-Identifier: MIT
#include "base/unique_fd.hpp"

#include <cerrno>

namespace preforkd {

void UniqueFd::reset(int fd) noexcept {
  const int old = std::exchange(fd_, fd);
  if (old < 0 || old == fd) return;
  const int saved = errno;
  // Not repeated on EINTR: Linux has closed the descriptor by then, and the number may be in use again.
  ::close(old);
  errno = saved;
}

}  // namespace preforkd
