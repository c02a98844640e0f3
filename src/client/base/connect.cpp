// SPDX-License-Identifier: MIT
#include "client/base/connect.hpp"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/time.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "client/base/clock.hpp"
#include "client/base/resolve.hpp"

namespace preforkd::client {
namespace {

// A request is one write: delaying it would gain nothing.
void send_at_once(int socket, int family) noexcept {
  const int on = 1;
  if (family == AF_INET || family == AF_INET6) setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

// connect() chooses the port, because it knows the target: a port may be shared by connections to different targets.
bool bind_source(int socket, const Address& source) noexcept {
  const int on = 1;
  return setsockopt(socket, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on) == 0 &&
         bind(socket, source.get(), source.length) == 0;
}

// connect() of a UNIX socket has no "in progress": it waits itself while the queue is full, for SO_SNDTIMEO at most.
ConnectAttempt connect_unix(const Address& target, nanoseconds deadline) noexcept {
  ConnectAttempt attempt{UniqueFd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)), 0};
  const int fd = attempt.socket.get();
  const int milliseconds = std::max(poll_timeout(deadline), 1);
  const timeval limit{milliseconds / 1000, milliseconds % 1000 * 1000};
  if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) < 0 ||
      connect(fd, target.get(), target.length) < 0 || fcntl(fd, F_SETFL, O_NONBLOCK) < 0) {
    attempt.error = errno == EAGAIN ? ETIMEDOUT : errno;
  }
  return attempt;
}

ConnectAttempt connect_inet(const Address& target, nanoseconds deadline) noexcept {
  ConnectAttempt attempt = begin_connect(target);
  while (attempt.error == EINPROGRESS) {
    pollfd event{attempt.socket.get(), POLLOUT, 0};
    const int ready = poll(&event, 1, poll_timeout(deadline));
    if (ready > 0) {
      attempt.error = connect_result(attempt.socket.get());
    } else if (ready == 0) {
      attempt.error = ETIMEDOUT;
    } else if (errno != EINTR) {
      attempt.error = errno;
    }
  }
  return attempt;
}

Failure connect_failed(std::string_view address, const Error& error) {
  return Failure(Error("connect failed: " + std::string(address) + ": " + error.text, error.number));
}

Error reason_of(int error, Duration timeout) {
  return {error == ETIMEDOUT ? "no answer within " + format_time_span(timeout) : errno_text(error), error};
}

}  // namespace

ConnectAttempt begin_connect(const Address& target, const std::optional<Address>& source) noexcept {
  ConnectAttempt attempt{UniqueFd(socket(target.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)), 0};
  if (!attempt.socket || (source && !bind_source(attempt.socket.get(), *source)) ||
      connect(attempt.socket.get(), target.get(), target.length) < 0) {
    attempt.error = errno;
  }
  if (attempt.socket) send_at_once(attempt.socket.get(), target.family());
  return attempt;
}

int connect_result(int socket) noexcept {
  int error = 0;
  socklen_t length = sizeof error;
  return getsockopt(socket, SOL_SOCKET, SO_ERROR, &error, &length) < 0 ? errno : error;
}

Result<UniqueFd> connect_within(std::string_view address, Duration timeout) {
  const Result<std::vector<Address>> targets = resolve(address);
  if (!targets) return connect_failed(address, targets.error());
  const nanoseconds deadline = monotonic_now() + timeout;
  int error = 0;
  for (const Address& target : *targets) {
    ConnectAttempt attempt =
        target.family() == AF_UNIX ? connect_unix(target, deadline) : connect_inet(target, deadline);
    if (attempt.error == 0) return std::move(attempt.socket);
    error = attempt.error;
  }
  return connect_failed(address, reason_of(error, timeout));
}

Result<Address> choose_address(std::string_view address, Duration timeout) {
  const Result<std::vector<Address>> targets = resolve(address);
  if (!targets) return connect_failed(address, targets.error());
  if (targets->size() == 1) return targets->front();
  const Result<UniqueFd> probe = connect_within(address, timeout);
  if (!probe) return Failure(probe.error());
  Result<Address> target = peer_address(probe->get());
  if (!target) return connect_failed(address, target.error());
  return target;
}

}  // namespace preforkd::client
