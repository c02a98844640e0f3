// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>

namespace preforkd {

// Connections that wait in a listening socket to be accepted.
struct AcceptQueue {
  std::uint32_t waiting = 0;
  std::uint32_t limit = 0;  // the kernel's backlog, capped at net.core.somaxconn

  bool operator==(const AcceptQueue&) const = default;
};

// Uses TCP_INFO (tcp(7)) for a TCP socket, NETLINK_SOCK_DIAG (sock_diag(7)) for a UNIX socket. nullopt if the kernel
// does not report it: not a listening socket, a sandbox without AF_NETLINK, or a UNIX socket of another network
// namespace.
[[nodiscard]] std::optional<AcceptQueue> accept_queue(int fd) noexcept;

}  // namespace preforkd
