// SPDX-License-Identifier: MIT
#include "base/pidfd.hpp"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

namespace preforkd {
namespace {

// From include/uapi/linux/pidfd.h of Linux 6.15: the first version of struct pidfd_info, which all later ones accept.
struct PidfdInfo {
  std::uint64_t mask;  // what is asked for, then what is known
  std::uint64_t group;
  std::array<std::uint32_t, 11> pids_users_and_groups;
  std::int32_t exit_code;
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t knows_exit = 1U << 3U;                  // PIDFD_INFO_EXIT
constexpr unsigned long get_info = _IOWR(0xFF, 11, PidfdInfo);  // PIDFD_GET_INFO

}  // namespace

// By system call number: <sys/pidfd.h> of glibc 2.36 (Debian 12) is for C only.
UniqueFd open_pidfd(pid_t pid) noexcept { return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }

int send_signal(int pidfd, int signal) noexcept {
  return static_cast<int>(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

std::optional<int> wait_status(int pidfd) noexcept {
  PidfdInfo info{};
  info.mask = knows_exit;
  if (::ioctl(pidfd, get_info, &info) != 0) return std::nullopt;
  if ((info.mask & knows_exit) != 0) return info.exit_code;
  errno = EAGAIN;
  return std::nullopt;
}

}  // namespace preforkd
