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
  bool ipv6_only = false;  // for [::], which otherwise takes IPv4, too

  bool operator==(const ListenOptions&) const = default;
};

struct Listener {
  UniqueFd fd;
  BoundPath path;  // of a UNIX socket that has one
};

// Binds and listens: stream, CLOEXEC, blocking like systemd's, SO_REUSEADDR (never SO_REUSEPORT: a closing REUSEPORT
// socket loses its queued connections), IPV6_V6ONLY for IPv6 addresses that are not to take IPv4, too.
//
// A UNIX socket is bound to a name next to its path, and moved to the path once it listens and has its rights, as in
// HAProxy. So the path never leads to a socket that is not ready, and a stale one (ECONNREFUSED) is replaced in one
// step. Fails if a server answers there, or if it is not a socket. getsockname(2) and ss(8) show the name next to the
// path: a program that removes its socket's name at exit (asyncio) does not remove the path.
//
// If an address is taken, the reason names the process that holds it, if that can be found out.
[[nodiscard]] Result<Listener> open_listener(const Address& address, const ListenOptions& options = {});

// Whether open_listener could bind an address that is not a UNIX path now. Does not listen there.
[[nodiscard]] Result<void> try_to_bind(const Address& address, bool ipv6_only);

// Changes the options of a socket that open_listener made: the path's mode and owner, the queue's length. Queued
// connections stay. An owner that is no longer set is left unchanged.
[[nodiscard]] Result<void> change_listener(int fd, const BoundPath& path, const ListenOptions& options);

// Ends a listening socket for all its holders: disconnects the clients in its queue, refuses new ones, and frees the
// address at once.
void end_listener(int fd) noexcept;

// Makes a socket listen again after a process has called shutdown(2) on it, at `address`, its own. The connections in
// its queue are lost. Linux allows this for TCP only; for a UNIX socket it fails.
[[nodiscard]] Result<void> revive_listener(int fd, const Address& address, int backlog);

// Whether a process has called shutdown(2) on it, so that clients cannot connect.
[[nodiscard]] bool is_shut_down(int fd) noexcept;

// Checks a socket from another process: it must be a listening stream socket of IPv4, IPv6 or UNIX. The reason says
// what it is instead.
[[nodiscard]] Result<Address> check_listener(int fd);

}  // namespace preforkd
