// SPDX-License-Identifier: MIT
#include "wire/control_channel.hpp"

#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace preforkd {
Result<ControlChannel> ControlChannel::open() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return os_failure(errno, "cannot make a control channel: ");
  }
  return ControlChannel{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

}  // namespace preforkd
