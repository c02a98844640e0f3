// SPDX-License-Identifier: MIT
#include "worker/connection/peer_address.hpp"

#include <netinet/in.h>

#include <cstring>
#include <type_traits>

#include "base/address.hpp"

namespace prefork::internal {

void PeerAddress::assign(const sockaddr_storage& peer) noexcept {
  family_ = peer.ss_family;
  if (family_ == AF_INET) {
    sockaddr_in ipv4;
    std::memcpy(&ipv4, &peer, sizeof ipv4);
    port_ = ipv4.sin_port;
    std::memcpy(address_.data(), &ipv4.sin_addr, sizeof ipv4.sin_addr);
  } else if (family_ == AF_INET6) {
    sockaddr_in6 ipv6;
    std::memcpy(&ipv6, &peer, sizeof ipv6);
    port_ = ipv6.sin6_port;
    if (IN6_IS_ADDR_V4MAPPED(&ipv6.sin6_addr)) {
      family_ = AF_INET;
      std::memcpy(address_.data(), &ipv6.sin6_addr.s6_addr[12], sizeof(in_addr));
      return;
    }
    scope_ = ipv6.sin6_scope_id;
    std::memcpy(address_.data(), &ipv6.sin6_addr, sizeof ipv6.sin6_addr);
  }
}

std::string PeerAddress::text(int fd) const {
  preforkd::Address address;
  if (family_ == AF_INET) {
    sockaddr_in ipv4{};
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = port_;
    std::memcpy(&ipv4.sin_addr, address_.data(), sizeof ipv4.sin_addr);
    std::memcpy(&address.storage, &ipv4, sizeof ipv4);
    address.length = sizeof ipv4;
  } else if (family_ == AF_INET6) {
    sockaddr_in6 ipv6{};
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = port_;
    ipv6.sin6_scope_id = scope_;
    std::memcpy(&ipv6.sin6_addr, address_.data(), sizeof ipv6.sin6_addr);
    std::memcpy(&address.storage, &ipv6, sizeof ipv6);
    address.length = sizeof ipv6;
  } else {
    const auto peer = preforkd::peer_address(fd);
    return peer ? preforkd::format_address(*peer) : "unix";
  }
  return preforkd::format_address(address);
}

PeerAddress::Bytes PeerAddress::bytes() const noexcept {
  Bytes bytes;
  static_assert(sizeof *this == sizeof bytes && std::is_trivially_copyable_v<PeerAddress>);
  std::memcpy(bytes.data(), this, sizeof bytes);
  return bytes;
}

PeerAddress PeerAddress::from(const Bytes& bytes) noexcept {
  PeerAddress address;
  std::memcpy(&address, bytes.data(), sizeof address);
  return address;
}

std::optional<std::uint64_t> PeerAddress::network() const noexcept {
  if (family_ != AF_INET && family_ != AF_INET6) return std::nullopt;
  const bool ipv4 = family_ == AF_INET;
  // No host has an IPv6 address that begins with ffff: those are for multicast.
  std::uint64_t number = ipv4 ? 0xFFFF : 0;
  for (std::size_t i = 0; i < (ipv4 ? 4U : 8U); ++i) number = number << 8U | address_[i];
  return ipv4 ? number << 16U : number;
}

}  // namespace prefork::internal
