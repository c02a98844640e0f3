// SPDX-License-Identifier: MIT
#include "wire/control_channel.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

namespace preforkd {
namespace {

bool peer_closed(int fd) noexcept {
  pollfd poll_fd{fd, POLLRDHUP, 0};
  return ::poll(&poll_fd, 1, 0) == 1 && (poll_fd.revents & (POLLHUP | POLLRDHUP | POLLERR | POLLNVAL)) != 0;
}

}  // namespace

Result<ControlChannel> ControlChannel::open() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    return os_failure(errno, "cannot make a control channel: ");
  }
  return ControlChannel{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

Lifeline check_lifeline(int worker_end) noexcept {
  constexpr int max_messages = 64;  // a master that floods the channel must not keep this worker from its clients
  for (int i = 0; i < max_messages; ++i) {
    char byte = 0;
    const ssize_t size = ::recv(worker_end, &byte, sizeof byte,
                                MSG_DONTWAIT);  // drops the rest of a message and its descriptors
    if (size > 0) continue;
    if (size < 0 && errno == EINTR) continue;
    if (size < 0) return errno == EAGAIN ? Lifeline::alive : Lifeline::ended;
    if (peer_closed(worker_end)) return Lifeline::ended;  // otherwise it was an empty message
  }
  return Lifeline::alive;
}

}  // namespace preforkd
