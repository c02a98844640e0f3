// SPDX-License-Identifier: MIT
#include "worker/service/service_notify.hpp"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <cstddef>
#include <new>

#include "base/escape.hpp"

namespace prefork::internal {

namespace {

using preforkd::Failure;
using preforkd::Result;
using preforkd::UniqueFd;

constexpr std::size_t max_status_bytes = 256;
constexpr timeval max_ready_wait{1, 0};

}  // namespace

Result<ServiceNotify> ServiceNotify::open(std::string_view socket_name) {
  ServiceNotify notify;
  if (socket_name.empty()) return notify;
  if (!socket_name.starts_with('/') && !socket_name.starts_with('@')) {
    return Failure(preforkd::escape_bytes(socket_name) + " is neither a path nor '@' and a name");
  }
  Result<preforkd::Address> address = preforkd::parse_address(socket_name);
  if (!address) return Failure(address.error());
  notify.address_ = *address;
  notify.socket_ = UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!notify.socket_) return preforkd::os_failure(errno, "socket: ");
  // Blocking, so that ready() can wait; every other call sets MSG_DONTWAIT.
  static_cast<void>(
      ::setsockopt(notify.socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &max_ready_wait, sizeof max_ready_wait));
  return notify;
}

// Not connected: a service manager that restarts binds a new socket to the same name.
int ServiceNotify::send(std::string_view datagram, int flags) noexcept {
  if (!connected()) return 0;
  const ssize_t sent =
      ::sendto(socket_.get(), datagram.data(), datagram.size(), MSG_NOSIGNAL | flags, address_.get(), address_.length);
  return sent < 0 ? errno : 0;
}

int ServiceNotify::send_with_status(std::string_view state, std::string_view status, int flags) noexcept {
  if (!connected()) return 0;
  try {
    std::string datagram(state);
    datagram += "STATUS=";
    datagram += preforkd::escape_bytes(status, max_status_bytes);
    return send(datagram, flags);
  } catch (const std::bad_alloc&) {
    // The state matters, its text does not.
    return state.empty() ? ENOMEM : send(state, flags);
  }
}

int ServiceNotify::ready(std::string_view status) noexcept { return send_with_status("READY=1\n", status, 0); }

int ServiceNotify::status(std::string_view text) noexcept { return send_with_status("", text, MSG_DONTWAIT); }

int ServiceNotify::alive() noexcept { return send("WATCHDOG=1", MSG_DONTWAIT); }

int ServiceNotify::stopping(std::string_view status) noexcept {
  return send_with_status("STOPPING=1\n", status, MSG_DONTWAIT);
}

}  // namespace prefork::internal
