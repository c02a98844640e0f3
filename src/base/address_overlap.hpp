// SPDX-License-Identifier: MIT
#pragma once

#include <netinet/in.h>

#include <cstdint>

#include "base/address.hpp"

namespace preforkd {

// Where a TCP socket listens, for both families: an IPv4 host in IPv6 form (::ffff:127.0.0.1).
struct Endpoint {
  in6_addr host{};
  std::uint16_t port = 0;
  std::uint32_t scope = 0;  // of a link-local host; 0: unknown

  [[nodiscard]] bool is_ipv4() const noexcept { return IN6_IS_ADDR_V4MAPPED(&host) != 0; }
  [[nodiscard]] bool is_any() const noexcept;  // :: or 0.0.0.0
};

// `address`: IPv4 or IPv6. `ipv4`: four bytes in network order.
[[nodiscard]] Endpoint endpoint_of(const Address& address) noexcept;
[[nodiscard]] Endpoint ipv4_endpoint(const void* ipv4, std::uint16_t port) noexcept;

// Whether a socket that listens at one keeps another from listening at the other: they are equal, or one includes every
// address of the other's family. `ipv6_only`, for each: :: does not include IPv4 (IPV6_V6ONLY, ipv6(7)).
[[nodiscard]] bool overlap(const Endpoint& left, bool left_ipv6_only, const Endpoint& right,
                           bool right_ipv6_only) noexcept;

}  // namespace preforkd
