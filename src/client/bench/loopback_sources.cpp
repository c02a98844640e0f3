// SPDX-License-Identifier: MIT
#include "client/bench/loopback_sources.hpp"

#include <netinet/in.h>

#include <cstring>

namespace preforkd::client {
namespace {

constexpr std::uint32_t sources = 254;
constexpr std::uint32_t first = INADDR_LOOPBACK + 0x100;  // 127.0.1.1

bool is_loopback(const Address& target) noexcept {
  if (target.family() != AF_INET) return false;
  sockaddr_in name{};
  std::memcpy(&name, &target.storage, sizeof name);
  return ntohl(name.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
}

}  // namespace

LoopbackSources::LoopbackSources(const Address& target) : applies_(is_loopback(target)) {}

std::optional<Address> LoopbackSources::next() noexcept {
  if (!applies_) return std::nullopt;
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(first + turn_++ % sources);
  Address source;
  source.length = sizeof name;
  std::memcpy(&source.storage, &name, sizeof name);
  return source;
}

}  // namespace preforkd::client
