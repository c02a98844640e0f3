// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/bound_path.hpp"
#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

inline constexpr mode_t default_unix_mode = 0666;  // as systemd.socket(5)

struct ListenOptions {
  int backlog = 4096;               // as systemd.socket(5); the kernel caps it at net.core.somaxconn
  std::optional<mode_t> unix_mode;  // of a UNIX path; default: default_unix_mode
  std::optional<uid_t> unix_user;
  std::optional<gid_t> unix_group;
  bool ipv6_only = false;  // for [::], which takes IPv4, too, otherwise

  bool operator==(const ListenOptions&) const = default;
};

struct Listener {
  UniqueFd fd;
  BoundPath path;  // of a UNIX socket that has one
};

// Binds and listens: stream, CLOEXEC, blocking as systemd's are, SO_REUSEADDR (never SO_REUSEPORT: a closing REUSEPORT
// socket loses its queued connections), IPV6_V6ONLY for IPv6 addresses that do not stand for IPv4 ones, too.
//
// A UNIX socket is bound to a name beside its path and moved there once it listens with the rights that it is to have,
// as HAProxy does it. So the path never leads to a socket that is not ready, and a stale one (ECONNREFUSED) is replaced
// in one step. If somebody answers there, or it is not a socket, that is the failure. getsockname(2) and ss(8) show the
// name beside it: a program that removes the name of its socket as it leaves (asyncio) does not remove the path.
//
// The reason names who holds an address that is taken, where that can be found out.
[[nodiscard]] Result<Listener> open_listener(const Address& address, const ListenOptions& options = {});

// Whether open_listener could bind an address that is not a UNIX path now. Nothing listens there meanwhile.
[[nodiscard]] Result<void> try_to_bind(const Address& address, bool ipv6_only);

// Gives a socket that open_listener made other options: the path's mode and owner, the queue's length. Connections that
// wait stay. An owner that is no longer set is left as it is.
[[nodiscard]] Result<void> change_listener(int fd, const BoundPath& path, const ListenOptions& options);

// Ends a listening socket for all who hold it: who waits in its queue is hung up on, who connects is refused, and the
// address can be bound again at once.
void end_listener(int fd) noexcept;

// Makes a socket listen again that a process has called shutdown(2) on, at `address`, which was its own. The
// connections that waited in its queue are lost. Linux allows it for TCP only; a UNIX socket fails.
[[nodiscard]] Result<void> revive_listener(int fd, const Address& address, int backlog);

// Whether a process has called shutdown(2) on it, so that no client can connect.
[[nodiscard]] bool is_shut_down(int fd) noexcept;

// Checks what somebody else handed us: a stream socket of IPv4, IPv6 or UNIX that listens. The reason names what it is
// instead.
[[nodiscard]] Result<Address> check_listener(int fd);

}  // namespace preforkd
