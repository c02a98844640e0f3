// SPDX-License-Identifier: MIT
#include "worker/connection/network.hpp"

#include <gtest/gtest.h>

#include <string>

#include "base/address.hpp"

namespace prefork::internal {
namespace {

bool contains(const char* network, const std::string& address) {
  PeerAddress peer;
  peer.assign(preforkd::parse_address(address).value().storage);
  return Network::parse(network).value().contains(peer);
}

TEST(Network, contains_the_addresses_with_its_first_bits) {
  EXPECT_TRUE(contains("10.0.0.0/8", "10.255.0.1:1"));
  EXPECT_FALSE(contains("10.0.0.0/8", "11.0.0.1:1"));
  EXPECT_TRUE(contains("192.0.2.128/25", "192.0.2.200:1"));
  EXPECT_FALSE(contains("192.0.2.128/25", "192.0.2.127:1"));
  EXPECT_TRUE(contains("0.0.0.0/0", "8.8.8.8:1"));
  EXPECT_TRUE(contains("2001:db8::/33", "[2001:db8:7fff::1]:1"));
  EXPECT_FALSE(contains("2001:db8::/33", "[2001:db8:8000::1]:1"));
  EXPECT_TRUE(contains("::/0", "[2001:db8::9]:1"));
}

TEST(Network, without_bits_is_one_host) {
  EXPECT_TRUE(contains("192.0.2.7", "192.0.2.7:9"));
  EXPECT_FALSE(contains("192.0.2.7", "192.0.2.8:9"));
  EXPECT_TRUE(contains("::1", "[::1]:9"));
  EXPECT_FALSE(contains("::1", "[::2]:9"));
}

TEST(Network, has_one_family) {
  EXPECT_FALSE(contains("0.0.0.0/0", "[::1]:1"));
  EXPECT_FALSE(contains("::/0", "10.0.0.1:1"));
  EXPECT_TRUE(contains("10.0.0.0/8", "[::ffff:10.0.0.1]:1")) << "IPv4 that a socket for IPv6 accepted";
  EXPECT_TRUE(contains("unix", "/run/x.sock"));
  EXPECT_FALSE(contains("unix", "10.0.0.1:1"));
  EXPECT_FALSE(contains("0.0.0.0/0", "/run/x.sock"));
}

TEST(Network, is_refused_with_a_reason) {
  const auto reason = [](const char* text) { return Network::parse(text).error().text; };
  for (const char* const text : {"", "x", "10.0.0", "10.0.0.0.0/8", "/8", "localhost"}) {
    EXPECT_EQ(reason(text), R"(names no network; write "10.0.0.0/8", "192.0.2.7", "2001:db8::/32" or "unix")") << text;
  }
  for (const char* const text : {"10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x"}) {
    EXPECT_EQ(reason(text), "must end in a number of bits from /0 to /32") << text;
  }
  EXPECT_EQ(reason("::/129"), "must end in a number of bits from /0 to /128");
  EXPECT_EQ(reason("10.0.0.1/8"), "has bits behind its first 8: a network ends in zeros, a single host has no /8");
}

}  // namespace
}  // namespace prefork::internal
