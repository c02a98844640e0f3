// SPDX-License-Identifier: MIT
#include "base/pidfd.hpp"

#include <sys/syscall.h>
#include <unistd.h>

namespace preforkd {

// By system call number: <sys/pidfd.h> of glibc 2.36 (Debian 12) is for C only.
UniqueFd open_pidfd(pid_t pid) noexcept { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

int send_signal(int pidfd, int signal) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

}  // namespace preforkd
