// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
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
  // A UNIX socket's path, or "@" and its abstract name, byte by byte; empty if it is unnamed, or not a UNIX address.
  [[nodiscard]] std::string unix_name() const;
  [[nodiscard]] std::optional<std::uint16_t> port() const noexcept;  // nullopt for a UNIX address
  // True for IPv4 and IPv6 with port 0: the kernel chooses a port for a socket that is bound to it.
  [[nodiscard]] bool has_any_port() const noexcept { return port() == 0; }
  // The same host with another port. Does not change a UNIX address.
  [[nodiscard]] Address with_port(std::uint16_t port) const noexcept;
  // True if all bytes of the name are equal, including the port and the interface of an IPv6 address.
  [[nodiscard]] bool operator==(const Address& other) const noexcept;
};

// "127.0.0.1:9505", "[::1]:80", "[fe80::1%eth0]:80", "/run/x.sock", "@abstract". Names are not resolved.
// Ports 0…65535 (0: the kernel chooses). A UNIX path of more than 107 bytes fails with a reason that names the limit.
[[nodiscard]] Result<Address> parse_address(std::string_view text);

// "9505": 0…65535.
[[nodiscard]] Result<std::uint16_t> parse_port(std::string_view text);

// The text that parse_address reads back; "unix" for an unnamed UNIX peer; bytes that do not print are escaped.
[[nodiscard]] std::string format_address(const Address& address);

// The name of the socket `fd` (getsockname, getpeername), or why it has none.
[[nodiscard]] Result<Address> local_address(int fd);
[[nodiscard]] Result<Address> peer_address(int fd);

}  // namespace preforkd
