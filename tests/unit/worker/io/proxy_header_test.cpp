// SPDX-License-Identifier: MIT
#include "worker/io/proxy_header.hpp"

#include <gtest/gtest.h>
#include <prefork/proxy_header.hpp>

#include <string>
#include <string_view>

#include "fakes/proxy_headers.hpp"

namespace prefork::internal {
namespace {

using Found = ProxyPreface::Found;
using fakes::proxy_v2;
using fakes::tlv;

std::string text(const std::optional<preforkd::Address>& address) {
  return address ? preforkd::format_address(*address) : "none";
}

TEST(ProxyHeader, of_version_1_names_client_and_destination) {
  const std::string line = "PROXY TCP4 192.0.2.1 198.51.100.2 40112 443\r\n";
  const ProxyPreface four = read_proxy_header(line + "hello");
  EXPECT_EQ(four.found, Found::header);
  EXPECT_EQ(four.version, 1U);
  EXPECT_EQ(four.bytes, line.size());
  EXPECT_EQ(text(four.source), "192.0.2.1:40112");
  EXPECT_EQ(text(four.destination), "198.51.100.2:443");
  const ProxyPreface six = read_proxy_header("PROXY TCP6 2001:db8::1 2001:db8::2 65535 0\r\n");
  EXPECT_EQ(text(six.source), "[2001:db8::1]:65535");
  EXPECT_EQ(text(six.destination), "[2001:db8::2]:0");
}

TEST(ProxyHeader, of_version_1_may_not_know_the_client) {
  for (const std::string line : {"PROXY UNKNOWN\r\n", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"}) {
    const ProxyPreface preface = read_proxy_header(line);
    EXPECT_EQ(preface.found, Found::header) << line;
    EXPECT_EQ(preface.bytes, line.size());
    EXPECT_EQ(text(preface.source), "none");
  }
}

TEST(ProxyHeader, of_version_1_that_is_wrong_is_bad) {
  for (const char* const line :
       {"PROXY TCP4 192.0.2.1 198.51.100.2 40112\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 40112 443 1\r\n",
        "PROXY TCP4 192.0.2.1 198.51.100.2 65536 443\r\n", "PROXY TCP4 192.0.2.1 198.51.100.2 -1 443\r\n",
        "PROXY TCP4 192.0.2.1  198.51.100.2 1 443\r\n", "PROXY TCP4 2001:db8::1 2001:db8::2 1 2\r\n",
        "PROXY TCP6 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY UDP4 192.0.2.1 198.51.100.2 1 2\r\n", "PROXY \r\n"}) {
    EXPECT_EQ(read_proxy_header(line).found, Found::bad) << line;
  }
  const std::string endless = "PROXY UNKNOWN " + std::string(200, 'x');
  EXPECT_EQ(read_proxy_header(endless.substr(0, 106)).found, Found::need_more);
  EXPECT_EQ(read_proxy_header(endless.substr(0, 107)).found, Found::bad);
}

TEST(ProxyHeader, of_version_2_names_client_and_destination) {
  const std::string four = proxy_v2("\x21\x11", std::string("\xC0\x00\x02\x01\xC6\x33\x64\x02\x9C\xB0\x01\xBB", 12));
  const ProxyPreface preface = read_proxy_header(four + "hello");
  EXPECT_EQ(preface.found, Found::header);
  EXPECT_EQ(preface.version, 2U);
  EXPECT_EQ(preface.bytes, four.size());
  EXPECT_EQ(text(preface.source), "192.0.2.1:40112");
  EXPECT_EQ(text(preface.destination), "198.51.100.2:443");
  const std::string host = std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0');
  const std::string six = proxy_v2("\x21\x21", host + "\1" + host + "\2" + std::string("\xFF\xFF\x00\x50", 4));
  EXPECT_EQ(text(read_proxy_header(six).source), "[2001:db8::1]:65535");
  EXPECT_EQ(text(read_proxy_header(six).destination), "[2001:db8::2]:80");
}

TEST(ProxyHeader, of_version_2_carries_tlvs) {
  const std::string tlvs = tlv(proxy_tlv_authority, "example.org") + tlv(4, "") + tlv(proxy_tlv_unique_id, "x1");
  const std::string header = proxy_v2("\x21\x11", std::string(12, '\0') + tlvs);
  const ProxyPreface preface = read_proxy_header(header);
  EXPECT_EQ(preface.tlvs, tlvs);
  EXPECT_EQ(proxy_tlv(preface.tlvs, proxy_tlv_authority), "example.org");
  EXPECT_EQ(proxy_tlv(preface.tlvs, 4), "");
  EXPECT_EQ(proxy_tlv(preface.tlvs, proxy_tlv_unique_id), "x1");
  EXPECT_EQ(proxy_tlv(preface.tlvs, proxy_tlv_alpn), std::nullopt);
  EXPECT_EQ(proxy_tlv(std::string("\x02\x00\x05"
                                  "ab",
                                  5),
                      2),
            "ab")
      << "what is there of a value that is cut off";
}

TEST(ProxyHeader, of_version_2_is_checked_by_its_checksum) {
  const auto with = [](const std::string& checksum) {
    return proxy_v2("\x21\x11", std::string("\x7F\0\0\1\x7F\0\0\2\x12\x34\x56\x78", 12) + tlv(3, checksum));
  };
  EXPECT_EQ(read_proxy_header(with("\x63\xB0\xDC\x31")).found, Found::header);
  EXPECT_EQ(read_proxy_header(with("wron")).found, Found::bad);
  EXPECT_EQ(read_proxy_header(with("few")).found, Found::bad);
}

TEST(ProxyHeader, of_version_2_may_be_the_proxys_own_connection) {
  const ProxyPreface local = read_proxy_header(proxy_v2(std::string("\x20\x00", 2), ""));
  EXPECT_EQ(local.found, Found::header);
  EXPECT_TRUE(local.is_local);
  const ProxyPreface with_address = read_proxy_header(proxy_v2("\x20\x11", std::string(12, 'x')));
  EXPECT_EQ(with_address.found, Found::header);
  EXPECT_EQ(text(with_address.source), "none");
}

TEST(ProxyHeader, of_version_2_for_unix_or_unknown_clients_names_none) {
  const std::string header = proxy_v2("\x21\x31", std::string(216, 'x') + tlv(2, "a"));
  const ProxyPreface unix_client = read_proxy_header(header);
  EXPECT_EQ(unix_client.found, Found::header);
  EXPECT_EQ(text(unix_client.source), "none");
  EXPECT_EQ(proxy_tlv(unix_client.tlvs, 2), "a");
  EXPECT_EQ(read_proxy_header(proxy_v2(std::string("\x21\x00", 2), "")).found, Found::header);
}

TEST(ProxyHeader, of_version_2_that_is_wrong_is_bad) {
  const std::string addresses(12, '\0');
  EXPECT_EQ(read_proxy_header(proxy_v2("\x11\x11", addresses)).found, Found::bad) << "version";
  EXPECT_EQ(read_proxy_header(proxy_v2("\x22\x11", addresses)).found, Found::bad) << "command";
  EXPECT_EQ(read_proxy_header(proxy_v2("\x21\x12", addresses)).found, Found::bad) << "UDP";
  EXPECT_EQ(read_proxy_header(proxy_v2("\x21\x41", addresses)).found, Found::bad) << "family";
  EXPECT_EQ(read_proxy_header(proxy_v2("\x21\x21", addresses)).found, Found::bad) << "too short";
  EXPECT_EQ(read_proxy_header(proxy_v2("\x21\x11", addresses + std::string("\x02\x00\x09"
                                                                           "abc",
                                                                           6)))
                .found,
            Found::bad);
}

TEST(ProxyHeader, may_arrive_in_any_pieces) {
  for (const std::string& header :
       {std::string("PROXY TCP4 192.0.2.1 198.51.100.2 40112 443\r\n"), proxy_v2("\x21\x11", std::string(12, '\0'))}) {
    for (std::size_t bytes = 0; bytes < header.size(); ++bytes) {
      EXPECT_EQ(read_proxy_header(header.substr(0, bytes)).found, Found::need_more) << bytes;
    }
  }
}

TEST(ProxyHeader, is_not_what_begins_otherwise) {
  for (const char* const bytes : {"G", "PROXYX", "\r\n\r\nG", "PRO\r\n"}) {
    EXPECT_EQ(read_proxy_header(bytes).found, Found::none) << bytes;
  }
}

}  // namespace
}  // namespace prefork::internal
