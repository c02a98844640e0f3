// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "base/address.hpp"
#include "base/errors.hpp"
#include "base/unique_fd.hpp"

namespace preforkd {

struct ListenOptions {
  int backlog = 4096;               // as systemd.socket(5); the kernel caps it at net.core.somaxconn
  std::optional<mode_t> unix_mode;  // of a UNIX path; default 0666, as systemd.socket(5)
  std::optional<uid_t> unix_user;
  std::optional<gid_t> unix_group;

  bool operator==(const ListenOptions&) const = default;
};

// Binds and listens: stream, CLOEXEC, blocking as systemd's are, SO_REUSEADDR (never SO_REUSEPORT: a closing REUSEPORT
// socket loses its queued connections), IPV6_V6ONLY for IPv6 addresses other than [::]. A UNIX path that exists is
// connected to: if nobody answers (ECONNREFUSED) the stale socket is removed and bound anew; if somebody answers, or it
// is no socket, that is the failure.
[[nodiscard]] Result<UniqueFd> open_listener(const Address& address, const ListenOptions& options = {});

// Gives a socket that open_listener made other options: the path's mode and owner, the queue's length. Connections that
// wait stay. An owner that is no longer set is left as it is.
[[nodiscard]] Result<void> change_listener(int fd, const Address& address, const ListenOptions& options);

// Makes a socket listen again that somebody has called shutdown(2) on, at `address`, which was its own. The connections
// that waited in its queue are lost. Linux allows it for TCP only; a UNIX socket fails.
[[nodiscard]] Result<void> revive_listener(int fd, const Address& address, int backlog);

// Checks what somebody else handed us: a stream socket of IPv4, IPv6 or UNIX that listens. The reason names what it is
// instead.
[[nodiscard]] Result<Address> check_listener(int fd);

}  // namespace preforkd
