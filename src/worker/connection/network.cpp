// SPDX-License-Identifier: MIT
#include "worker/connection/network.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <string>
#include <system_error>

namespace prefork::internal {

namespace {

// The first `bits` bits, and zeros.
std::array<std::uint8_t, 16> masked(std::array<std::uint8_t, 16> address, unsigned bits) noexcept {
  for (std::size_t i = 0; i < address.size(); ++i) {
    const unsigned kept = bits > 8 * i ? std::min<unsigned>(8, bits - static_cast<unsigned>(8 * i)) : 0;
    address.at(i) = static_cast<std::uint8_t>(address.at(i) & 0xFF00U >> kept);
  }
  return address;
}

}  // namespace

preforkd::Result<Network> Network::parse(std::string_view text) {
  Network network;
  if (text == "unix") {
    network.family_ = AF_UNIX;
    return network;
  }
  const std::size_t slash = text.find('/');
  const std::string address(text.substr(0, slash));
  const bool ipv6 = address.find(':') != std::string::npos;
  const unsigned all = ipv6 ? 128 : 32;
  network.family_ = ipv6 ? AF_INET6 : AF_INET;
  if (address.find('\0') != std::string::npos ||
      ::inet_pton(network.family_, address.c_str(), network.address_.data()) != 1) {
    return preforkd::Failure(R"(names no network; write "10.0.0.0/8", "192.0.2.7", "2001:db8::/32" or "unix")");
  }
  unsigned bits = all;
  if (slash != std::string_view::npos) {
    const std::string_view number = text.substr(slash + 1);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), bits);
    if (read.ec != std::errc() || read.ptr != number.data() + number.size() || bits > all) {
      return preforkd::Failure("must end in a number of bits from /0 to /" + std::to_string(all));
    }
  }
  network.bits_ = static_cast<std::uint8_t>(bits);
  if (masked(network.address_, bits) != network.address_) {
    return preforkd::Failure("has bits behind its first " + std::to_string(bits) +
                             ": a network ends in zeros, a single host has no /" + std::to_string(bits));
  }
  return network;
}

std::vector<Network> Network::this_host() {
  return {parse("127.0.0.0/8").value(), parse("::1").value(), parse("unix").value()};
}

bool Network::contains(const PeerAddress& peer) const noexcept {
  return peer.family() == family_ && masked(peer.address(), bits_) == address_;
}

}  // namespace prefork::internal
