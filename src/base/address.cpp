// SPDX-License-Identifier: MIT
#include "base/address.hpp"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/escape.hpp"
#include "base/whole_number.hpp"

namespace preforkd {
namespace {

// 107: a path needs its final NUL, an abstract name its first.
constexpr std::size_t max_unix_name = sizeof(sockaddr_un::sun_path) - 1;
constexpr std::size_t path_offset = offsetof(sockaddr_un, sun_path);

template <class Sockaddr>
Address make_address(const Sockaddr& socket_address, std::size_t length = sizeof(Sockaddr)) {
  Address address;
  std::memcpy(&address.storage, &socket_address, length);
  address.length = static_cast<socklen_t>(length);
  return address;
}

template <class Sockaddr>
Sockaddr read_as(const Address& address) {
  Sockaddr socket_address{};
  std::memcpy(&socket_address, &address.storage, sizeof socket_address);
  return socket_address;
}

// Removes what the kernel skips in a path: "/run//a" and "/run/./a" are "/run/a".
std::string simple_path(std::string_view path) {
  std::string simple;
  while (!path.empty()) {
    const std::size_t end = std::min(path.find('/', 1), path.size());
    const std::string_view step = path.substr(0, end);
    if (step != "/" && step != "/.") simple += step;
    path.remove_prefix(end);
  }
  return simple.empty() ? "/" : simple;
}

Result<Address> parse_unix(std::string_view text) {
  const bool abstract = text.front() == '@';
  const std::string name = abstract ? std::string(text.substr(1)) : simple_path(text);
  if (name.empty()) return Failure("has no name after the @");
  if (name.find('\0') != std::string_view::npos) return Failure(escape_bytes(text) + " contains a NUL byte");
  if (name.size() > max_unix_name) {
    return Failure((abstract ? "the abstract name" : "the UNIX socket path") + std::string(" has ") +
                   std::to_string(name.size()) + " bytes; the limit is " + std::to_string(max_unix_name));
  }
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path + (abstract ? 1 : 0), name.data(), name.size());
  return make_address(un, path_offset + name.size() + 1);
}

Result<std::uint32_t> parse_scope(std::string_view text) {
  const std::string name(text);
  if (const unsigned index = ::if_nametoindex(name.c_str()); index != 0) return index;
  if (const auto number = whole_number<std::uint32_t>(text); number && *number != 0) return *number;
  return Failure(escape_bytes(text) + " is not a network interface");
}

Result<Address> parse_ipv6(std::string_view host, std::uint16_t port) {
  sockaddr_in6 in6{};
  in6.sin6_family = AF_INET6;
  in6.sin6_port = htons(port);
  const std::size_t percent = host.find('%');
  const std::string number(host.substr(0, percent));
  if (number.find('\0') != std::string::npos || ::inet_pton(AF_INET6, number.c_str(), &in6.sin6_addr) != 1) {
    return Failure(escape_bytes(host) + " is not an IPv6 address");
  }
  if (percent != std::string_view::npos) {
    const Result<std::uint32_t> scope = parse_scope(host.substr(percent + 1));
    if (!scope) return Failure(scope.error());
    in6.sin6_scope_id = *scope;
  } else if (IN6_IS_ADDR_LINKLOCAL(&in6.sin6_addr)) {
    return Failure(escape_bytes(host) + " is a link-local address: it needs its interface, as in [" +
                   escape_bytes(host) + "%eth0]:PORT");
  }
  return make_address(in6);
}

Result<Address> parse_ipv4(std::string_view host, std::uint16_t port) {
  sockaddr_in in{};
  in.sin_family = AF_INET;
  in.sin_port = htons(port);
  const std::string number(host);
  if (number.find('\0') != std::string::npos || ::inet_pton(AF_INET, number.c_str(), &in.sin_addr) != 1) {
    return Failure(escape_bytes(host) + " is not an IPv4 address (names are not resolved)");
  }
  return make_address(in);
}

Result<Address> parse_bracketed(std::string_view text) {
  const std::size_t close = text.find(']');
  if (close == std::string_view::npos) return Failure(escape_bytes(text) + " has no closing bracket");
  const std::string_view rest = text.substr(close + 1);
  if (!rest.starts_with(':'))
    return Failure(escape_bytes(text) + " has no port; write " + escape_bytes(text.substr(0, close + 1)) + ":PORT");
  const Result<std::uint16_t> port = parse_port(rest.substr(1));
  if (!port) return Failure(port.error());
  return parse_ipv6(text.substr(1, close - 1), *port);
}

Result<Address> parse_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return Failure(escape_bytes(text) + " is not an address; write 127.0.0.1:PORT, [::1]:PORT, /PATH or @NAME");
  }
  const std::string_view host = text.substr(0, colon);
  if (host.empty() || host == "*") {
    return Failure(escape_bytes(text) + " has no host; write 0.0.0.0" + escape_bytes(text.substr(colon)) + " or [::]" +
                   escape_bytes(text.substr(colon)) + " for every interface");
  }
  if (host.find(':') != std::string_view::npos) {
    return Failure(escape_bytes(text) + " needs brackets around its IPv6 address: [ADDRESS]:PORT");
  }
  const Result<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port) return Failure(port.error());
  return parse_ipv4(host, *port);
}

std::string format_unix(const Address& address) {
  const std::string name = address.unix_name();
  return name.empty() ? "unix" : escape_bytes(name);
}

std::string format_scope(std::uint32_t scope) {
  if (scope == 0) return {};
  std::array<char, IF_NAMESIZE> name{};
  return "%" + (::if_indextoname(scope, name.data()) != nullptr ? std::string(name.data()) : std::to_string(scope));
}

template <class GetName>
Result<Address> name_of(int fd, GetName get_name) {
  Address address;
  address.length = sizeof address.storage;
  if (get_name(fd, address.get(), &address.length) != 0) return os_failure(errno);
  return address;
}

}  // namespace

bool Address::is_unix_path() const noexcept {
  if (family() != AF_UNIX || length <= path_offset) return false;
  return read_as<sockaddr_un>(*this).sun_path[0] != '\0';
}

std::string Address::unix_name() const {
  if (family() != AF_UNIX || length <= path_offset) return {};
  const auto un = read_as<sockaddr_un>(*this);
  const std::string_view name(un.sun_path, std::min<std::size_t>(length - path_offset, sizeof un.sun_path));
  if (name.front() == '\0') return '@' + std::string(name.substr(1));
  return std::string(name.substr(0, name.find('\0')));
}

std::optional<std::uint16_t> Address::port() const noexcept {
  if (family() == AF_INET) return ntohs(read_as<sockaddr_in>(*this).sin_port);
  if (family() == AF_INET6) return ntohs(read_as<sockaddr_in6>(*this).sin6_port);
  return std::nullopt;
}

Result<std::uint16_t> parse_port(std::string_view text) {
  if (text.empty()) return Failure("has no port");
  const auto port = whole_number<std::uint16_t>(text);
  if (!port) return Failure(escape_bytes(text) + " is not a port; ports are 0…65535");
  return *port;
}

Address Address::with_port(std::uint16_t port) const noexcept {
  if (family() == AF_INET) {
    auto in = read_as<sockaddr_in>(*this);
    in.sin_port = htons(port);
    return make_address(in);
  }
  if (family() != AF_INET6) return *this;
  auto in6 = read_as<sockaddr_in6>(*this);
  in6.sin6_port = htons(port);
  return make_address(in6);
}

bool Address::operator==(const Address& other) const noexcept {
  return length == other.length && std::memcmp(get(), other.get(), length) == 0;
}

Result<Address> parse_address(std::string_view text) {
  if (text.empty()) return Failure("is empty; write 127.0.0.1:PORT, [::1]:PORT, /PATH or @NAME");
  switch (text.front()) {
    case '/':
    case '@':
      return parse_unix(text);
    case '[':
      return parse_bracketed(text);
    default:
      return parse_host_and_port(text);
  }
}

std::string format_address(const Address& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  switch (address.family()) {
    case AF_UNIX:
      return format_unix(address);
    case AF_INET: {
      const auto in = read_as<sockaddr_in>(address);
      ::inet_ntop(AF_INET, &in.sin_addr, text.data(), text.size());
      return std::string(text.data()) + ":" + std::to_string(ntohs(in.sin_port));
    }
    case AF_INET6: {
      const auto in6 = read_as<sockaddr_in6>(address);
      ::inet_ntop(AF_INET6, &in6.sin6_addr, text.data(), text.size());
      return "[" + std::string(text.data()) + format_scope(in6.sin6_scope_id) +
             "]:" + std::to_string(ntohs(in6.sin6_port));
    }
    default:
      return "address family " + std::to_string(address.family());
  }
}

Result<Address> local_address(int fd) { return name_of(fd, ::getsockname); }

Result<Address> peer_address(int fd) { return name_of(fd, ::getpeername); }

}  // namespace preforkd
