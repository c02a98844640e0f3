// SPDX-License-Identifier: MIT
#include "base/address.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

using std::string_view_literals::operator""sv;
using testing::HasSubstr;

struct GoodAddress {
  std::string text;
  int family;
  std::string formatted;
};

const GoodAddress good_addresses[] = {{"127.0.0.1:9505", AF_INET, "127.0.0.1:9505"},
                                      {"0.0.0.0:0", AF_INET, "0.0.0.0:0"},
                                      {"255.255.255.255:65535", AF_INET, "255.255.255.255:65535"},
                                      {"10.0.0.1:080", AF_INET, "10.0.0.1:80"},
                                      {"[::]:80", AF_INET6, "[::]:80"},
                                      {"[::1]:0", AF_INET6, "[::1]:0"},
                                      {"[2001:DB8:0:0::1]:443", AF_INET6, "[2001:db8::1]:443"},
                                      {"[::ffff:1.2.3.4]:1", AF_INET6, "[::ffff:1.2.3.4]:1"},
                                      {"[fe80::1%lo]:80", AF_INET6, "[fe80::1%lo]:80"},
                                      {"[fe80::1%1]:80", AF_INET6, "[fe80::1%lo]:80"},
                                      {"[fe80::1%4000000000]:80", AF_INET6, "[fe80::1%4000000000]:80"},
                                      {"/run/x.sock", AF_UNIX, "/run/x.sock"},
                                      {"/run//./x.sock/", AF_UNIX, "/run/x.sock"},
                                      {"/run/../.x", AF_UNIX, "/run/../.x"},
                                      {"/./", AF_UNIX, "/"},
                                      {"/run/a:b [c].sock", AF_UNIX, "/run/a:b [c].sock"},
                                      {"@abstract", AF_UNIX, "@abstract"},
                                      {"@/looks/like/a/path", AF_UNIX, "@/looks/like/a/path"},
                                      {"/" + std::string(106, 'x'), AF_UNIX, "/" + std::string(106, 'x')},
                                      {"@" + std::string(107, 'x'), AF_UNIX, "@" + std::string(107, 'x')}};

TEST(Address, what_is_read_is_written_back) {
  for (const GoodAddress& each : good_addresses) {
    const Result<Address> address = parse_address(each.text);
    ASSERT_TRUE(address) << each.text << ": " << address.error().text;
    EXPECT_EQ(address->family(), each.family);
    EXPECT_EQ(format_address(*address), each.formatted);
    const Result<Address> again = parse_address(format_address(*address));
    ASSERT_TRUE(again) << again.error().text;
    EXPECT_EQ(again->length, address->length);
  }
}

struct BadAddress {
  std::string text;
  std::string reason;
};

const BadAddress bad_addresses[] = {{"", "is empty"},
                                    {"127.0.0.1:65536", "65536 is not a port; ports are 0…65535"},
                                    {"127.0.0.1:-1", "-1 is not a port"},
                                    {"127.0.0.1:+1", "+1 is not a port"},
                                    {"127.0.0.1:", "has no port"},
                                    {"127.0.0.1: 80", " 80 is not a port"},
                                    {"127.0.0.1:http", "http is not a port"},
                                    {"127.0.0.1:99999999999999999999", "is not a port"},
                                    {"127.0.0.1", "is not an address; write 127.0.0.1:PORT"},
                                    {"9505", "is not an address"},
                                    {":9505", "write 0.0.0.0:9505 or [::]:9505 for every interface"},
                                    {"*:9505", "for every interface"},
                                    {"localhost:80", "names are not resolved"},
                                    {"127.1:80", "127.1 is not an IPv4 address"},
                                    {"127.0.0.256:80", "is not an IPv4 address"},
                                    {"0x7f.0.0.1:80", "is not an IPv4 address"},
                                    {" 127.0.0.1:80", "is not an IPv4 address"},
                                    {"[::1", "has no closing bracket"},
                                    {"[::1]", "has no port; write [::1]:PORT"},
                                    {"[::1]80", "has no port"},
                                    {"[::1]:", "has no port"},
                                    {"[]:80", "is not an IPv6 address"},
                                    {"[127.0.0.1]:80", "is not an IPv6 address"},
                                    {"[::g]:80", "is not an IPv6 address"},
                                    {"::1:80", "needs brackets"},
                                    {"::1", "needs brackets"},
                                    {"[fe80::1%nosuchinterface]:80", "nosuchinterface is not a network interface"},
                                    {"[fe80::1%]:80", "is not a network interface"},
                                    {"[fe80::1%0]:80", "is not a network interface"},
                                    {"run/x.sock", "is not an address"},
                                    {"./x.sock", "is not an address"},
                                    {"@", "has no name after the @"},
                                    {"/" + std::string(107, 'x'), "has 108 bytes; the limit is 107"},
                                    {"@" + std::string(108, 'x'), "has 108 bytes; the limit is 107"},
                                    {std::string("/run/x\0y"sv), "contains a NUL byte"},
                                    {std::string("@x\0y"sv), "contains a NUL byte"},
                                    {std::string("127.0.0.1\0:80"sv), "is not an IPv4 address"},
                                    {std::string("[::1\0]:80"sv), "is not an IPv6 address"},
                                    {std::string("127.0.0.1:80\0"sv), "80\\x00 is not a port"}};

TEST(Address, what_is_no_address_is_refused_with_a_reason_that_helps) {
  for (const BadAddress& each : bad_addresses) {
    const Result<Address> address = parse_address(each.text);
    ASSERT_FALSE(address) << each.text << " was read as " << format_address(*address);
    EXPECT_THAT(address.error().text, HasSubstr(each.reason)) << each.text;
  }
}

TEST(Address, is_another_if_anything_in_its_text_differs) {
  const std::vector<std::string> texts{"127.0.0.1:80", "127.0.0.2:80",   "127.0.0.1:81",  "0.0.0.0:80",  "[::]:80",
                                       "[::1]:80",     "[::1]:81",       "/run/x",        "/run/x.sock", "@/run/x",
                                       "@x",           "[fe80::1%1]:80", "[fe80::1%2]:80"};
  for (const std::string& left : texts) {
    for (const std::string& right : texts) {
      EXPECT_EQ(*parse_address(left) == *parse_address(right), left == right) << left << ' ' << right;
    }
  }
}

TEST(Address, has_a_port_unless_it_is_of_a_unix_socket) {
  EXPECT_EQ(parse_address("127.0.0.1:80")->port(), 80);
  EXPECT_EQ(parse_address("[::1]:443")->port(), 443);
  EXPECT_EQ(parse_address("/run/x")->port(), std::nullopt);
  EXPECT_TRUE(parse_address("127.0.0.1:0")->has_any_port());
  EXPECT_TRUE(parse_address("[::]:0")->has_any_port());
  for (const char* const text : {"127.0.0.1:80", "[::1]:80", "/run/x", "@x"})
    EXPECT_FALSE(parse_address(text)->has_any_port()) << text;
}

TEST(Address, another_port_leaves_the_rest_as_it_is) {
  const auto on_port_9 = [](const char* text) { return format_address(parse_address(text)->with_port(9)); };
  EXPECT_EQ(on_port_9("127.0.0.1:80"), "127.0.0.1:9");
  EXPECT_EQ(parse_address("[fe80::1%1]:0")->with_port(80), *parse_address("[fe80::1%1]:80"));
  EXPECT_EQ(on_port_9("/run/x"), "/run/x");
}

TEST(Address, the_name_of_a_unix_socket_is_not_escaped) {
  EXPECT_EQ(parse_address("/run/\n")->unix_name(), "/run/\n");
  EXPECT_EQ(parse_address("@a\n")->unix_name(), "@a\n");
  EXPECT_EQ(parse_address("127.0.0.1:80")->unix_name(), "");
  EXPECT_EQ(Address().unix_name(), "");
}

TEST(Address, a_unix_path_is_told_from_an_abstract_and_an_unnamed_socket) {
  EXPECT_TRUE(parse_address("/run/x")->is_unix_path());
  EXPECT_FALSE(parse_address("@x")->is_unix_path());
  EXPECT_FALSE(parse_address("127.0.0.1:1")->is_unix_path());
  Address unnamed;
  unnamed.storage.ss_family = AF_UNIX;
  unnamed.length = sizeof(sa_family_t);
  EXPECT_FALSE(unnamed.is_unix_path());
  EXPECT_EQ(format_address(unnamed), "unix");
}

TEST(Address, a_path_of_the_kernels_full_108_bytes_is_read_within_its_bounds) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  std::fill(std::begin(un.sun_path), std::end(un.sun_path), 'x');
  Address address;
  std::copy_n(reinterpret_cast<const char*>(&un), sizeof un, reinterpret_cast<char*>(&address.storage));
  address.length = sizeof un;
  EXPECT_EQ(format_address(address), std::string(108, 'x'));
}

TEST(Address, bytes_of_an_abstract_name_that_do_not_print_are_escaped) {
  sockaddr_un un{};
  un.sun_family = AF_UNIX;
  un.sun_path[1] = '\n';
  un.sun_path[2] = '\0';
  Address address;
  std::copy_n(reinterpret_cast<const char*>(&un), sizeof un, reinterpret_cast<char*>(&address.storage));
  address.length = offsetof(sockaddr_un, sun_path) + 3;
  EXPECT_EQ(format_address(address), "@\\n\\x00");
}

TEST(Address, both_ends_of_a_connection_are_named) {
  const UniqueFd listener(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  const Address any = *parse_address("127.0.0.1:0");
  ASSERT_EQ(::bind(listener.get(), any.get(), any.length), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const Result<Address> bound = local_address(listener.get());
  ASSERT_TRUE(bound);
  const UniqueFd client(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::connect(client.get(), bound->get(), bound->length), 0);
  EXPECT_EQ(format_address(*peer_address(client.get())), format_address(*bound));
}

TEST(Address, an_unnamed_unix_peer_is_called_unix) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const UniqueFd first(ends[0]);
  const UniqueFd second(ends[1]);
  EXPECT_EQ(format_address(*peer_address(first.get())), "unix");
}

TEST(Address, the_reason_why_there_is_no_name_is_told) {
  const UniqueFd unconnected(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_THAT(peer_address(unconnected.get()).error().text, HasSubstr("ENOTCONN"));
  EXPECT_THAT(local_address(-1).error().text, HasSubstr("EBADF"));
}

}  // namespace
}  // namespace preforkd
