// SPDX-License-Identifier: MIT
#pragma once

#include <sys/socket.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

namespace prefork::internal {

// The address of a client, in the 24 bytes that an idle connection can afford. Kept from the accept on, because a TCP
// socket forgets its peer with the connection, and on_close wants to name it. A UNIX peer's path is not kept: its
// socket still knows it.
class PeerAddress {
 public:
  // An IPv4 address that is mapped into IPv6 (::ffff:192.0.2.1) becomes the IPv4 address that it is.
  void assign(const sockaddr_storage& peer) noexcept;
  // `fd`: the connection's socket, still open.
  [[nodiscard]] std::string text(int fd) const;
  // As it travels to another worker of this host.
  using Bytes = std::array<std::uint8_t, 24>;
  [[nodiscard]] Bytes bytes() const noexcept;
  [[nodiscard]] static PeerAddress from(const Bytes& bytes) noexcept;
  [[nodiscard]] std::uint16_t family() const noexcept { return family_; }  // AF_INET, AF_INET6, AF_UNIX
  [[nodiscard]] const std::array<std::uint8_t, 16>& address() const noexcept { return address_; }
  // A number for the IPv4 address or the IPv6 /64; nullopt without either.
  [[nodiscard]] std::optional<std::uint64_t> network() const noexcept;

 private:
  std::uint16_t family_ = AF_UNSPEC;
  std::uint16_t port_ = 0;  // network byte order
  std::uint32_t scope_ = 0;
  std::array<std::uint8_t, 16> address_{};
};

}  // namespace prefork::internal
