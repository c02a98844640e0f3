// SPDX-License-Identifier: MIT
#include "client/base/endpoint.hpp"

#include <netdb.h>
#include <sys/un.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "client/base/quantity.hpp"

namespace preforkd::client {
namespace {

[[noreturn]] void refuse(std::string_view address, const char* reason) {
  throw std::invalid_argument("'" + std::string(address) + "': " + reason);
}

Endpoint unix_endpoint(std::string_view address) {
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const bool abstract = address.front() == '@';
  if (address.size() >= sizeof name.sun_path) refuse(address, "a UNIX address has at most 107 bytes");
  std::memcpy(name.sun_path, address.data(), address.size());
  if (abstract) name.sun_path[0] = '\0';
  Endpoint endpoint;
  // An abstract name ends with the address; a path with its zero byte.
  endpoint.length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + address.size() + (abstract ? 0 : 1));
  std::memcpy(&endpoint.storage, &name, sizeof name);
  return endpoint;
}

struct HostAndPort {
  std::string host;
  std::string port;
};

HostAndPort split(std::string_view address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string_view::npos || colon == 0)
    refuse(address, "HOST:PORT, [IPV6]:PORT, /PATH or @ABSTRACT expected");
  std::string_view host = address.substr(0, colon);
  const std::string_view port = address.substr(colon + 1);
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') {
    host = host.substr(1, host.size() - 2);
  } else if (host.find(':') != std::string_view::npos) {
    refuse(address, "an IPv6 address is written as [ADDRESS]:PORT");
  }
  try {
    (void)parse_number(port, 1, 65535);
  } catch (const std::invalid_argument&) {
    refuse(address, "the port is a number from 1 to 65535");
  }
  return {std::string(host), std::string(port)};
}

}  // namespace

std::vector<Endpoint> resolve(std::string_view address) {
  if (address.empty()) refuse(address, "empty");
  if (address.front() == '/' || address.front() == '@') return {unix_endpoint(address)};
  const HostAndPort target = split(address);
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(target.host.c_str(), target.port.c_str(), &hints, &list); error != 0) {
    throw ResolveFailed(error == EAI_SYSTEM ? std::strerror(errno) : gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  std::vector<Endpoint> endpoints;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Endpoint& endpoint = endpoints.emplace_back();
    std::memcpy(&endpoint.storage, entry->ai_addr, entry->ai_addrlen);
    endpoint.length = entry->ai_addrlen;
  }
  return endpoints;
}

}  // namespace preforkd::client
