// SPDX-License-Identifier: MIT
#include "client/base/endpoint.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <cstddef>
#include <cstring>

namespace preforkd::client {
namespace {

using ::testing::SizeIs;

template <class Name>
Name name_of(const Endpoint& endpoint) {
  Name name;
  std::memcpy(&name, &endpoint.storage, sizeof name);
  return name;
}

TEST(EndpointTest, ReadsIpv4) {
  const auto endpoints = resolve("127.0.0.1:9505");
  ASSERT_THAT(endpoints, SizeIs(1));
  const auto name = name_of<sockaddr_in>(endpoints[0]);
  EXPECT_EQ(name.sin_family, AF_INET);
  EXPECT_EQ(ntohs(name.sin_port), 9505);
  EXPECT_EQ(ntohl(name.sin_addr.s_addr), INADDR_LOOPBACK);
}

TEST(EndpointTest, ReadsIpv6InBrackets) {
  const auto endpoints = resolve("[::1]:80");
  ASSERT_THAT(endpoints, SizeIs(1));
  const auto name = name_of<sockaddr_in6>(endpoints[0]);
  EXPECT_EQ(name.sin6_family, AF_INET6);
  EXPECT_EQ(ntohs(name.sin6_port), 80);
  EXPECT_TRUE(IN6_IS_ADDR_LOOPBACK(&name.sin6_addr));
}

TEST(EndpointTest, ReadsAUnixPath) {
  const auto endpoints = resolve("/run/echo.sock");
  ASSERT_THAT(endpoints, SizeIs(1));
  const auto name = name_of<sockaddr_un>(endpoints[0]);
  EXPECT_EQ(name.sun_family, AF_UNIX);
  EXPECT_STREQ(name.sun_path, "/run/echo.sock");
  EXPECT_EQ(endpoints[0].length, offsetof(sockaddr_un, sun_path) + sizeof "/run/echo.sock");
}

TEST(EndpointTest, ReadsAnAbstractNameWithoutATrailingZero) {
  const auto endpoints = resolve("@echo");
  ASSERT_THAT(endpoints, SizeIs(1));
  const auto name = name_of<sockaddr_un>(endpoints[0]);
  EXPECT_EQ(name.sun_path[0], '\0');
  EXPECT_STREQ(name.sun_path + 1, "echo");
  EXPECT_EQ(endpoints[0].length, offsetof(sockaddr_un, sun_path) + 5);
}

TEST(EndpointTest, ResolvesNames) { EXPECT_FALSE(resolve("localhost:9505").empty()); }

TEST(EndpointTest, TellsAMalformedAddressFromAnUnknownName) {
  const std::string long_path = "/" + std::string(107, 'x');
  for (const std::string& text : {std::string(""), std::string("9505"), std::string(":9505"), std::string("localhost"),
                                  std::string("127.0.0.1:"), std::string("127.0.0.1:0"), std::string("127.0.0.1:65536"),
                                  std::string("::1:9505"), std::string("127.0.0.1:http"), long_path}) {
    EXPECT_THROW((void)resolve(text), std::invalid_argument) << text;
  }
  EXPECT_THROW((void)resolve("no-such-host.invalid:9505"), ResolveFailed);
}

}  // namespace
}  // namespace preforkd::client
