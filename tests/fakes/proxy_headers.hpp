// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// Headers of version 2 of the PROXY protocol.
namespace prefork::fakes {

inline std::string two_bytes(std::size_t number) {
  return {static_cast<char>(number >> 8U & 0xFFU), static_cast<char>(number & 0xFFU)};
}

inline std::string tlv(std::uint8_t type, std::string_view value) {
  return static_cast<char>(type) + two_bytes(value.size()) + std::string(value);
}

// `kind`: version and command, family and transport.
inline std::string proxy_v2(std::string_view kind, const std::string& rest) {
  return std::string("\r\n\r\n\0\r\nQUIT\n", 12) + std::string(kind) + two_bytes(rest.size()) + rest;
}

// Of a client with an IPv4 address, as four bytes.
inline std::string proxy_v2_of(std::string_view address, std::uint16_t port, const std::string& tlvs = "") {
  return proxy_v2("\x21\x11", std::string(address) + std::string("\xC6\x33\x64\x02", 4) + two_bytes(port) +
                                  std::string("\x01\xBB", 2) + tlvs);
}

}  // namespace prefork::fakes
