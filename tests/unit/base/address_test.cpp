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

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

using std::string_view_literals::operator""sv;
using testing::HasSubstr;

struct Good {
  std::string text;
  int family;
  std::string formatted;
};

class ReadsAddress : public testing::TestWithParam<Good> {};

TEST_P(ReadsAddress, and_writes_it_back) {
  const Result<Address> address = parse_address(GetParam().text);
  ASSERT_TRUE(address) << GetParam().text << ": " << address.error();
  EXPECT_EQ(address->family(), GetParam().family);
  EXPECT_EQ(format_address(*address), GetParam().formatted);
  const Result<Address> again = parse_address(format_address(*address));
  ASSERT_TRUE(again) << again.error();
  EXPECT_EQ(again->length, address->length);
}

INSTANTIATE_TEST_SUITE_P(
    Address, ReadsAddress,
    testing::Values(Good{"127.0.0.1:9505", AF_INET, "127.0.0.1:9505"}, Good{"0.0.0.0:0", AF_INET, "0.0.0.0:0"},
                    Good{"255.255.255.255:65535", AF_INET, "255.255.255.255:65535"},
                    Good{"10.0.0.1:080", AF_INET, "10.0.0.1:80"}, Good{"[::]:80", AF_INET6, "[::]:80"},
                    Good{"[::1]:0", AF_INET6, "[::1]:0"}, Good{"[2001:DB8:0:0::1]:443", AF_INET6, "[2001:db8::1]:443"},
                    Good{"[::ffff:1.2.3.4]:1", AF_INET6, "[::ffff:1.2.3.4]:1"},
                    Good{"[fe80::1%lo]:80", AF_INET6, "[fe80::1%lo]:80"},
                    Good{"[fe80::1%1]:80", AF_INET6, "[fe80::1%lo]:80"},
                    Good{"[fe80::1%4000000000]:80", AF_INET6, "[fe80::1%4000000000]:80"},
                    Good{"/run/x.sock", AF_UNIX, "/run/x.sock"},
                    Good{"/run/a:b [c].sock", AF_UNIX, "/run/a:b [c].sock"}, Good{"@abstract", AF_UNIX, "@abstract"},
                    Good{"@/looks/like/a/path", AF_UNIX, "@/looks/like/a/path"},
                    Good{"/" + std::string(106, 'x'), AF_UNIX, "/" + std::string(106, 'x')},
                    Good{"@" + std::string(107, 'x'), AF_UNIX, "@" + std::string(107, 'x')}));

struct Bad {
  std::string text;
  std::string reason;
};

class RefusesAddress : public testing::TestWithParam<Bad> {};

TEST_P(RefusesAddress, with_a_reason_that_helps) {
  const Result<Address> address = parse_address(GetParam().text);
  ASSERT_FALSE(address) << GetParam().text << " was read as " << format_address(*address);
  EXPECT_THAT(address.error(), HasSubstr(GetParam().reason)) << GetParam().text;
}

INSTANTIATE_TEST_SUITE_P(
    Address, RefusesAddress,
    testing::Values(
        Bad{"", "is empty"}, Bad{"127.0.0.1:65536", "65536 is no port; ports are 0…65535"},
        Bad{"127.0.0.1:-1", "-1 is no port"}, Bad{"127.0.0.1:+1", "+1 is no port"}, Bad{"127.0.0.1:", "has no port"},
        Bad{"127.0.0.1: 80", " 80 is no port"}, Bad{"127.0.0.1:http", "http is no port"},
        Bad{"127.0.0.1:99999999999999999999", "is no port"}, Bad{"127.0.0.1", "is no address; write 127.0.0.1:PORT"},
        Bad{"9505", "is no address"}, Bad{":9505", "write 0.0.0.0:9505 or [::]:9505 for every interface"},
        Bad{"*:9505", "for every interface"}, Bad{"localhost:80", "names are not resolved"},
        Bad{"127.1:80", "127.1 is no IPv4 address"}, Bad{"127.0.0.256:80", "is no IPv4 address"},
        Bad{"0x7f.0.0.1:80", "is no IPv4 address"}, Bad{" 127.0.0.1:80", "is no IPv4 address"},
        Bad{"[::1", "has no closing bracket"}, Bad{"[::1]", "has no port; write [::1]:PORT"},
        Bad{"[::1]80", "has no port"}, Bad{"[::1]:", "has no port"}, Bad{"[]:80", "is no IPv6 address"},
        Bad{"[127.0.0.1]:80", "is no IPv6 address"}, Bad{"[::g]:80", "is no IPv6 address"},
        Bad{"::1:80", "needs brackets"}, Bad{"::1", "needs brackets"},
        Bad{"[fe80::1%nosuchinterface]:80", "nosuchinterface is no network interface"},
        Bad{"[fe80::1%]:80", "is no network interface"}, Bad{"[fe80::1%0]:80", "is no network interface"},
        Bad{"run/x.sock", "is no address"}, Bad{"./x.sock", "is no address"}, Bad{"@", "has no name after the @"},
        Bad{"/" + std::string(107, 'x'), "has 108 bytes; the limit is 107"},
        Bad{"@" + std::string(108, 'x'), "has 108 bytes; the limit is 107"},
        Bad{std::string("/run/x\0y"sv), "contains a NUL byte"}, Bad{std::string("@x\0y"sv), "contains a NUL byte"},
        Bad{std::string("127.0.0.1\0:80"sv), "is no IPv4 address"},
        Bad{std::string("[::1\0]:80"sv), "is no IPv6 address"},
        Bad{std::string("127.0.0.1:80\0"sv), "80\\x00 is no port"}));

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
  EXPECT_THAT(peer_address(unconnected.get()).error(), HasSubstr("ENOTCONN"));
  EXPECT_THAT(local_address(-1).error(), HasSubstr("EBADF"));
}

}  // namespace
}  // namespace preforkd
