// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/errors.hpp"

namespace preforkd {

// A socket address: IPv4, IPv6 or UNIX (path or abstract).
struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;

  [[nodiscard]] const sockaddr* get() const noexcept { return reinterpret_cast<const sockaddr*>(&storage); }
  [[nodiscard]] sockaddr* get() noexcept { return reinterpret_cast<sockaddr*>(&storage); }
  [[nodiscard]] int family() const noexcept { return storage.ss_family; }
  [[nodiscard]] bool is_unix_path() const noexcept;  // UNIX, neither abstract nor unnamed
};

// "127.0.0.1:9505", "[::1]:80", "[fe80::1%eth0]:80", "/run/x.sock", "@abstract". Names are not resolved.
// Ports 0…65535 (0: the kernel chooses). A UNIX path of more than 107 bytes fails with a reason that names the limit.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// The text that parse_address reads back; "unix" for an unnamed UNIX peer; bytes that do not print are escaped.
[[nodiscard]] std::string format_address(const Address& address);

// Name of the socket `fd` (getsockname, getpeername), or the reason why there is none.
[[nodiscard]] Result<Address> local_address(int fd);
[[nodiscard]] Result<Address> peer_address(int fd);

}  // namespace preforkd
