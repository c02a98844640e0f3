// SPDX-License-Identifier: MIT
#include "config/reader/listen_overlap.hpp"

#include "base/address_overlap.hpp"

namespace preforkd {
namespace {

bool is_any(const Endpoint& endpoint, bool of_ipv4) { return endpoint.is_any() && endpoint.is_ipv4() == of_ipv4; }

std::string clash(const ListenConfig& left, const ListenConfig& right) {
  const bool wide_right = endpoint_of(right.address).is_any() && !endpoint_of(left.address).is_any();
  const ListenConfig& wide = wide_right ? right : left;
  const ListenConfig& narrow = wide_right ? left : right;
  const Endpoint one = endpoint_of(narrow.address);
  const std::string shown = format_address(narrow.address);
  if (!endpoint_of(wide.address).is_any())
    return format_address(wide.address) + " is the same address, so " + shown + " can't be bound as well";
  return format_address(wide.address) + " covers every " + (one.is_ipv4() ? "IPv4" : "IPv6") + " address, so " + shown +
         " can't be bound as well";
}

bool has_port(const ListenConfig& listen) { return listen.address.port().value_or(0) != 0; }

}  // namespace

std::string sort_out_overlap(std::vector<ListenConfig>& earlier, ListenConfig& entry) {
  if (!has_port(entry)) return {};
  const Endpoint here = endpoint_of(entry.address);
  for (ListenConfig& other : earlier) {
    if (other.address.port() != entry.address.port()) continue;
    const Endpoint there = endpoint_of(other.address);
    if (is_any(here, false) && is_any(there, true)) entry.options.ipv6_only = true;
    if (is_any(here, true) && is_any(there, false)) other.options.ipv6_only = true;
  }
  for (const ListenConfig& other : earlier) {
    if (other.address.port() != entry.address.port()) continue;
    if (overlap(endpoint_of(other.address), other.options.ipv6_only, here, entry.options.ipv6_only))
      return clash(other, entry);
  }
  return {};
}

}  // namespace preforkd
