// SPDX-License-Identifier: MIT
#include "client/base/resolve.hpp"

#include <netdb.h>

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string>

#include "client/base/refused_value.hpp"

namespace preforkd::client {
namespace {

constexpr char bad_port[] = "the port must be a number from 1 to 65535";

Address without_name(std::string_view text) {
  const Result<Address> address = parse_address(text);
  if (!address) refuse_value(text, address.error().text);
  if (address->port() == 0) refuse_value(text, bad_port);
  return *address;
}

Result<std::vector<Address>> look_up(const std::string& host, const std::string& port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICSERV;
  addrinfo* list = nullptr;
  if (const int error = getaddrinfo(host.c_str(), port.c_str(), &hints, &list); error != 0) {
    return error == EAI_SYSTEM ? os_failure(errno) : Failure(gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner(list, freeaddrinfo);
  std::vector<Address> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    Address& address = addresses.emplace_back();
    std::memcpy(&address.storage, entry->ai_addr, entry->ai_addrlen);
    address.length = entry->ai_addrlen;
  }
  return addresses;
}

}  // namespace

Result<std::vector<Address>> resolve(std::string_view text) {
  if (text.starts_with('/') || text.starts_with('@') || text.starts_with('[')) return std::vector{without_name(text)};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) {
    refuse_value(text, "must be HOST:PORT, [IPV6]:PORT, /PATH or @ABSTRACT");
  }
  const std::string_view host = text.substr(0, colon);
  if (host.find(':') != std::string_view::npos) refuse_value(text, "an IPv6 address needs brackets: [ADDRESS]:PORT");
  const Result<std::uint16_t> port = parse_port(text.substr(colon + 1));
  if (!port || *port == 0) refuse_value(text, bad_port);
  return look_up(std::string(host), std::to_string(*port));
}

}  // namespace preforkd::client
