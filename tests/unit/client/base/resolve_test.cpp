// SPDX-License-Identifier: MIT
#include "client/base/resolve.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace preforkd::client {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

std::string refusal_of(const std::string& text) {
  try {
    (void)resolve(text);
  } catch (const ExitError& error) {
    EXPECT_EQ(error.exit_code(), exit_code::usage);
    return error.what();
  }
  return "resolved";
}

TEST(ResolveTest, takes_an_address_as_it_stands) {
  for (const char* text : {"127.0.0.1:9505", "[::1]:80", "/run/echo.sock", "@echo"}) {
    const auto addresses = resolve(text).value();
    ASSERT_THAT(addresses, SizeIs(1)) << text;
    EXPECT_EQ(format_address(addresses[0]), text);
  }
}

TEST(ResolveTest, resolves_names) {
  const auto addresses = resolve("localhost:9505").value();
  ASSERT_FALSE(addresses.empty());
  for (const Address& address : addresses) EXPECT_EQ(address.port(), 9505);
}

TEST(ResolveTest, tells_a_malformed_address_from_an_unknown_name) {
  const std::string long_path = "/" + std::string(107, 'x');
  for (const std::string& text :
       {std::string(""), std::string("9505"), std::string(":9505"), std::string("localhost"), std::string("127.0.0.1:"),
        std::string("127.0.0.1:0"), std::string("[::1]:0"), std::string("127.0.0.1:65536"), std::string("::1:9505"),
        std::string("127.0.0.1:http"), long_path}) {
    EXPECT_THROW((void)resolve(text), ExitError) << text;
  }
  EXPECT_FALSE(resolve("no-such-host.invalid:9505"));
}

TEST(ResolveTest, says_what_is_wrong_with_an_address) {
  EXPECT_EQ(refusal_of("9505"), "\"9505\": must be HOST:PORT, [IPV6]:PORT, /PATH or @ABSTRACT");
  EXPECT_EQ(refusal_of("::1:9505"), "\"::1:9505\": an IPv6 address needs brackets: [ADDRESS]:PORT");
  EXPECT_EQ(refusal_of("localhost:http"), "\"localhost:http\": the port must be a number from 1 to 65535");
  EXPECT_EQ(refusal_of("[::1]:0"), "\"[::1]:0\": the port must be a number from 1 to 65535");
  EXPECT_THAT(refusal_of("/" + std::string(107, 'x')), HasSubstr("has 108 bytes; the limit is 107"));
  EXPECT_THAT(refusal_of("[localhost]:80"), StartsWith("\"[localhost]:80\": localhost is not an IPv6 address"));
}

}  // namespace
}  // namespace preforkd::client
