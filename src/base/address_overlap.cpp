// SPDX-License-Identifier: MIT
#include "base/address_overlap.hpp"

#include <array>
#include <cstring>

namespace preforkd {
namespace {

bool takes_in(const Endpoint& wide, bool ipv6_only, const Endpoint& narrow) noexcept {
  if (wide.is_any()) return wide.is_ipv4() ? narrow.is_ipv4() : !(ipv6_only && narrow.is_ipv4());
  const bool same_scope = wide.scope == 0 || narrow.scope == 0 || wide.scope == narrow.scope;
  return IN6_ARE_ADDR_EQUAL(&wide.host, &narrow.host) && same_scope;
}

}  // namespace

bool Endpoint::is_any() const noexcept {
  constexpr std::array<std::uint8_t, 4> none{};
  return IN6_IS_ADDR_UNSPECIFIED(&host) || (is_ipv4() && std::memcmp(&host.s6_addr[12], none.data(), none.size()) == 0);
}

Endpoint ipv4_endpoint(const void* ipv4, std::uint16_t port) noexcept {
  Endpoint endpoint{{}, port};
  endpoint.host.s6_addr[10] = endpoint.host.s6_addr[11] = 0xFF;
  std::memcpy(&endpoint.host.s6_addr[12], ipv4, sizeof(in_addr));
  return endpoint;
}

Endpoint endpoint_of(const Address& address) noexcept {
  if (address.family() == AF_INET) {
    const auto* const ipv4 = reinterpret_cast<const sockaddr_in*>(address.get());
    return ipv4_endpoint(&ipv4->sin_addr, ntohs(ipv4->sin_port));
  }
  const auto* const ipv6 = reinterpret_cast<const sockaddr_in6*>(address.get());
  return {ipv6->sin6_addr, ntohs(ipv6->sin6_port), ipv6->sin6_scope_id};
}

bool overlap(const Endpoint& left, bool left_ipv6_only, const Endpoint& right, bool right_ipv6_only) noexcept {
  return left.port == right.port && (takes_in(left, left_ipv6_only, right) || takes_in(right, right_ipv6_only, left));
}

}  // namespace preforkd
