// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <prefork/export.hpp>

namespace prefork {
inline namespace v0 {

// Whether clients of a listening socket come through a proxy that says who they are: with a header of the PROXY
// protocol, version 1 or 2, in front of what the client sends
// (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt).
enum class ProxyProtocol : std::uint8_t {
  off,      // no header: its bytes would be the client's
  accept,   // of Limits::trusted_proxies a header, or a client without one; others come without one
  require,  // a header of each client; others than Limits::trusted_proxies are refused
};

// What the proxy has said of a client, whose address is Connection::peer().
struct ProxyHeader {
  unsigned version = 0;     // 1 or 2
  bool is_local = false;    // the connection is the proxy's own, for instance a health check
  std::string destination;  // where the client has connected to, written as Connection::peer(); empty if not said
  std::string_view tlvs;    // of version 2, for proxy_tlv()
};

// Types of proxy_tlv().
inline constexpr std::uint8_t proxy_tlv_alpn = 0x01;
inline constexpr std::uint8_t proxy_tlv_authority = 0x02;  // the name of the host that the client wants (SNI)
inline constexpr std::uint8_t proxy_tlv_unique_id = 0x05;
inline constexpr std::uint8_t proxy_tlv_ssl = 0x20;  // more of these are in it, from its byte 5 on

// The value of the first one with this type, if there is one.
[[nodiscard]] PREFORK_EXPORT std::optional<std::string_view> proxy_tlv(std::string_view tlvs,
                                                                       std::uint8_t type) noexcept;

}  // namespace v0
}  // namespace prefork
