// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/address.hpp"

namespace prefork::internal {

// The header of the PROXY protocol at the front of what a client's connection brings.
struct ProxyPreface {
  enum class Found : std::uint8_t {
    header,
    need_more,  // nothing, or the beginning of a header
    none,       // something else
    bad,        // a header that is wrong
  };
  Found found = Found::none;
  const char* wrong = "";                   // what is
  std::size_t bytes = 0;                    // of the header
  unsigned version = 0;                     // 1 or 2
  bool is_local = false;                    // the connection is the proxy's own
  std::optional<preforkd::Address> source;  // IPv4 and IPv6 only; absent: it does not say
  std::optional<preforkd::Address> destination;
  std::string_view tlvs;  // of version 2
};

// Pure, and the same for the same bytes, however they arrive. A header of version 1 has at most 107 bytes, one of
// version 2 at most 64 KiB and 15 bytes. The views are into `input`.
[[nodiscard]] ProxyPreface read_proxy_header(std::string_view input);

}  // namespace prefork::internal
