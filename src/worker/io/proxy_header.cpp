// SPDX-License-Identifier: MIT
#include "worker/io/proxy_header.hpp"

#include <prefork/proxy_header.hpp>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <string>
#include <system_error>

namespace prefork {

namespace internal {

namespace {

using preforkd::Address;
using namespace std::string_view_literals;

constexpr std::string_view text_signature = "PROXY "sv;
constexpr std::size_t longest_text = 107;
constexpr std::string_view binary_signature = "\r\n\r\n\0\r\nQUIT\n"sv;
constexpr std::size_t fixed_part = 16;  // signature, version and command, family and transport, two bytes of length
constexpr std::uint8_t tlv_crc32c = 0x03;
constexpr std::size_t tlv_head = 3;

ProxyPreface found(ProxyPreface::Found what) {
  ProxyPreface preface;
  preface.found = what;
  return preface;
}

ProxyPreface bad(const char* wrong) {
  ProxyPreface preface = found(ProxyPreface::Found::bad);
  preface.wrong = wrong;
  return preface;
}

unsigned byte_at(std::string_view bytes, std::size_t at) noexcept { return static_cast<unsigned char>(bytes[at]); }
std::size_t number_at(std::string_view bytes, std::size_t at) noexcept {
  return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1);
}

Address ipv4(const void* address, std::uint16_t port) noexcept {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  std::memcpy(&in.sin_addr, address, sizeof in.sin_addr);
  Address made;
  std::memcpy(&made.storage, &in, sizeof in);
  made.length = sizeof in;
  return made;
}

Address ipv6(const void* address, std::uint16_t port) noexcept {
  sockaddr_in6 in{};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(port);
  std::memcpy(&in.sin6_addr, address, sizeof in.sin6_addr);
  Address made;
  std::memcpy(&made.storage, &in, sizeof in);
  made.length = sizeof in;
  return made;
}

// ---- Version 1: "PROXY TCP4 192.0.2.1 198.51.100.2 40112 443\r\n" ----

// The next word, which a space or the end of the text follows; empty if there is none.
std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t space = text.find(' ');
  const std::string_view word = text.substr(0, space);
  text = space == std::string_view::npos ? std::string_view() : text.substr(space + 1);
  return word;
}

std::optional<Address> read_address(int family, std::string_view address, std::string_view port) {
  std::uint16_t number = 0;
  const auto read = std::from_chars(port.data(), port.data() + port.size(), number);
  if (port.empty() || read.ec != std::errc() || read.ptr != port.data() + port.size()) return std::nullopt;
  const std::string text(address);
  in6_addr bytes{};
  if (text.size() != std::strlen(text.c_str()) || ::inet_pton(family, text.c_str(), &bytes) != 1) return std::nullopt;
  return family == AF_INET ? ipv4(&bytes, number) : ipv6(&bytes, number);
}

ProxyPreface read_text(std::string_view input) {
  const std::size_t end = input.substr(0, longest_text).find("\r\n"sv);
  if (end == std::string_view::npos) {
    return input.size() < longest_text ? found(ProxyPreface::Found::need_more) : bad("a line of more than 107 bytes");
  }
  ProxyPreface preface = found(ProxyPreface::Found::header);
  preface.version = 1;
  preface.bytes = end + 2;
  std::string_view text = input.substr(text_signature.size(), end - text_signature.size());
  const std::string_view protocol = take_word(text);
  if (protocol == "UNKNOWN") return preface;
  if (protocol != "TCP4" && protocol != "TCP6") return bad("neither TCP4 nor TCP6 nor UNKNOWN");
  const int family = protocol == "TCP4" ? AF_INET : AF_INET6;
  const std::string_view source = take_word(text);
  const std::string_view destination = take_word(text);
  const std::string_view source_port = take_word(text);
  preface.source = read_address(family, source, source_port);
  preface.destination = read_address(family, destination, text);
  if (!preface.source || !preface.destination) return bad("an address or a port that is none");
  return preface;
}

// ---- Version 2 ----

bool are_tlvs(std::string_view bytes) noexcept {
  while (bytes.size() >= tlv_head) {
    const std::size_t size = tlv_head + number_at(bytes, 1);
    if (size > bytes.size()) return false;
    bytes.remove_prefix(size);
  }
  return bytes.empty();
}

// CRC-32C (RFC 3720, appendix B.4), of all bytes as if those of `checksum` were 0.
std::uint32_t crc32c(std::string_view bytes, std::string_view checksum) noexcept {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const char& byte : bytes) {
    const bool is_checksum = &byte >= checksum.data() && &byte < checksum.data() + checksum.size();
    crc ^= is_checksum ? 0U : static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1U ^ ((crc & 1U) != 0 ? 0x82F63B78U : 0U);
  }
  return ~crc;
}

bool checksum_is_right(std::string_view header, std::string_view tlvs) noexcept {
  const auto checksum = proxy_tlv(tlvs, tlv_crc32c);
  if (!checksum) return true;
  if (checksum->size() != 4) return false;
  return (number_at(*checksum, 0) << 16U | number_at(*checksum, 2)) == crc32c(header, *checksum);
}

// The bytes of the addresses of a family and a transport; nullopt: none for a connection.
std::optional<std::size_t> address_bytes(unsigned family_and_transport) noexcept {
  switch (family_and_transport) {
    case 0x00:
      return 0;
    case 0x11:
      return 12;
    case 0x21:
      return 36;
    case 0x31:
      return 216;
    default:
      return std::nullopt;
  }
}

ProxyPreface read_binary(std::string_view input) {
  if (input.size() < fixed_part) return found(ProxyPreface::Found::need_more);
  const unsigned command = byte_at(input, 12);
  const unsigned kind = byte_at(input, 13);
  if (command >> 4U != 2) return bad("another version than 2");
  if ((command & 0x0FU) > 1) return bad("a command that is neither LOCAL nor PROXY");
  ProxyPreface preface = found(ProxyPreface::Found::header);
  preface.version = 2;
  preface.bytes = fixed_part + number_at(input, 14);
  preface.is_local = (command & 0x0FU) == 0;
  const auto addresses = address_bytes(kind);
  if (!addresses && !preface.is_local) return bad("addresses that are not those of a TCP or UNIX connection");
  if (input.size() < preface.bytes) return found(ProxyPreface::Found::need_more);
  const std::string_view header = input.substr(0, preface.bytes);
  if (preface.is_local) return preface;
  if (header.size() < fixed_part + *addresses) return bad("too short for its addresses");
  const char* const at = header.data() + fixed_part;
  if (kind == 0x11) {
    preface.source = ipv4(at, static_cast<std::uint16_t>(number_at(header, fixed_part + 8)));
    preface.destination = ipv4(at + 4, static_cast<std::uint16_t>(number_at(header, fixed_part + 10)));
  } else if (kind == 0x21) {
    preface.source = ipv6(at, static_cast<std::uint16_t>(number_at(header, fixed_part + 32)));
    preface.destination = ipv6(at + 16, static_cast<std::uint16_t>(number_at(header, fixed_part + 34)));
  }
  preface.tlvs = header.substr(fixed_part + *addresses);
  if (!are_tlvs(preface.tlvs)) return bad("a TLV that is longer than the header");
  if (!checksum_is_right(header, preface.tlvs)) return bad("a wrong CRC-32C");
  return preface;
}

}  // namespace

ProxyPreface read_proxy_header(std::string_view input) {
  const auto begins_as = [input](std::string_view signature) {
    const std::size_t size = std::min(input.size(), signature.size());
    return input.substr(0, size) == signature.substr(0, size);
  };
  if (begins_as(text_signature)) {
    return input.size() < text_signature.size() ? found(ProxyPreface::Found::need_more) : read_text(input);
  }
  if (begins_as(binary_signature)) return read_binary(input);
  return found(ProxyPreface::Found::none);
}

}  // namespace internal

inline namespace v0 {

std::optional<std::string_view> proxy_tlv(std::string_view tlvs, std::uint8_t type) noexcept {
  using internal::number_at;
  using internal::tlv_head;
  while (tlvs.size() >= tlv_head) {
    const std::string_view value = tlvs.substr(tlv_head, number_at(tlvs, 1));
    if (static_cast<std::uint8_t>(tlvs.front()) == type) return value;
    tlvs.remove_prefix(tlv_head + value.size());
  }
  return std::nullopt;
}

}  // namespace v0
}  // namespace prefork
