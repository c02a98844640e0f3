// SPDX-License-Identifier: MIT
#include "base/listener.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <iterator>
#include <string>

namespace preforkd {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

class ListenerTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "listener-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
    path_ = directory_ + "/s";
    unix_address_ = *parse_address(path_);
  }
  void TearDown() override {
    ::unlink(path_.c_str());
    ::rmdir(directory_.c_str());
  }

  static UniqueFd connect_to(const Address& address) {
    UniqueFd fd(::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (::connect(fd.get(), address.get(), address.length) != 0) fd.reset();
    return fd;
  }
  static int option(int fd, int level, int name) {
    int value = -1;
    socklen_t length = sizeof value;
    ::getsockopt(fd, level, name, &value, &length);
    return value;
  }
  struct stat stat_path() const {
    struct stat status {};
    EXPECT_EQ(::lstat(path_.c_str(), &status), 0);
    return status;
  }

  std::string directory_;
  std::string path_;
  Address unix_address_;
};

TEST_F(ListenerTest, a_tcp_listener_is_cloexec_blocking_and_takes_connections) {
  const Result<Listener> fd = open_listener(*parse_address("127.0.0.1:0"));
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_EQ(::fcntl(fd->fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(::fcntl(fd->fd.get(), F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(option(fd->fd.get(), SOL_SOCKET, SO_REUSEADDR), 1);
  EXPECT_EQ(option(fd->fd.get(), SOL_SOCKET, SO_REUSEPORT), 0);
  EXPECT_TRUE(connect_to(*local_address(fd->fd.get())));
}

TEST_F(ListenerTest, an_ipv6_address_takes_ipv6_only_and_the_wildcard_takes_both) {
  const Result<Listener> loopback = open_listener(*parse_address("[::1]:0"));
  if (!loopback) GTEST_SKIP() << "no IPv6 here: " << loopback.error().text;
  EXPECT_EQ(option(loopback->fd.get(), IPPROTO_IPV6, IPV6_V6ONLY), 1);
  const Result<Listener> wildcard = open_listener(*parse_address("[::]:0"));
  ASSERT_TRUE(wildcard) << wildcard.error().text;
  EXPECT_EQ(option(wildcard->fd.get(), IPPROTO_IPV6, IPV6_V6ONLY), 0);
}

TEST_F(ListenerTest, both_wildcards_of_one_port_can_be_bound_if_one_takes_ipv6_only) {
  const Result<Listener> ipv4 = open_listener(*parse_address("0.0.0.0:0"));
  ASSERT_TRUE(ipv4) << ipv4.error().text;
  const std::string any = format_address(*local_address(ipv4->fd.get()));
  const Address address = *parse_address("[::]" + any.substr(any.rfind(':')));
  EXPECT_FALSE(open_listener(address));
  ListenOptions options;
  options.ipv6_only = true;
  const Result<Listener> ipv6 = open_listener(address, options);
  EXPECT_TRUE(ipv6) << ipv6.error().text;
}

TEST_F(ListenerTest, an_ipv6_address_that_stands_for_an_ipv4_one_is_bound) {
  const Result<Listener> mapped = open_listener(*parse_address("[::ffff:127.0.0.1]:0"));
  ASSERT_TRUE(mapped) << mapped.error().text;
  const std::string shown = format_address(*local_address(mapped->fd.get()));
  EXPECT_THAT(shown, StartsWith("[::ffff:127.0.0.1]:"));
  EXPECT_TRUE(connect_to(*parse_address("127.0.0.1" + shown.substr(shown.rfind(':')))));
}

TEST_F(ListenerTest, a_port_in_use_is_a_failure_that_says_so) {
  const Result<Listener> first = open_listener(*parse_address("127.0.0.1:0"));
  ASSERT_TRUE(first);
  const Result<Listener> second = open_listener(*local_address(first->fd.get()));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().text, "Address already in use (EADDRINUSE)");
}

TEST_F(ListenerTest, a_port_whose_last_connections_linger_is_bound_again) {
  Result<Listener> first = open_listener(*parse_address("127.0.0.1:0"));
  ASSERT_TRUE(first);
  const Address address = *local_address(first->fd.get());
  {
    const UniqueFd client = connect_to(address);
    ASSERT_TRUE(client);
    const UniqueFd served(::accept4(first->fd.get(), nullptr, nullptr, SOCK_CLOEXEC));
    ASSERT_TRUE(served);
    ASSERT_EQ(::shutdown(served.get(), SHUT_WR), 0);  // the server's side closes first, so TIME_WAIT is on its port
    char byte = 0;
    ASSERT_EQ(::read(client.get(), &byte, 1), 0);
  }
  first->fd.reset();
  EXPECT_TRUE(open_listener(address));
}

TEST_F(ListenerTest, an_address_that_is_not_ours_is_a_failure) {
  const Result<Listener> fd = open_listener(*parse_address("192.0.2.1:0"));
  ASSERT_FALSE(fd);
  EXPECT_THAT(fd.error().text, HasSubstr("EADDRNOTAVAIL"));
}

TEST_F(ListenerTest, a_unix_path_is_made_with_mode_0666_whatever_the_umask) {
  const mode_t before = ::umask(077);
  const Result<Listener> fd = open_listener(unix_address_);
  ::umask(before);
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_EQ(stat_path().st_mode, S_IFSOCK | 0666U);
  EXPECT_TRUE(connect_to(unix_address_));
}

TEST_F(ListenerTest, a_unix_path_gets_the_mode_and_owner_that_are_asked_for) {
  ListenOptions options;
  options.unix_mode = 0660;
  options.unix_user = ::geteuid() == 0 ? 12345 : ::geteuid();
  options.unix_group = ::geteuid() == 0 ? 12346 : ::getegid();
  const Result<Listener> fd = open_listener(unix_address_, options);
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_EQ(stat_path().st_mode & 07777U, 0660U);
  EXPECT_EQ(stat_path().st_uid, *options.unix_user);
  EXPECT_EQ(stat_path().st_gid, *options.unix_group);
}

TEST_F(ListenerTest, rights_that_cannot_be_set_leave_no_socket_behind) {
  const uid_t user = ::geteuid();
  ASSERT_EQ(::chmod(directory_.c_str(), 0777), 0);
  ListenOptions options;
  options.unix_user = 0;
  ASSERT_EQ(::seteuid(user == 0 ? 65534 : user), 0);  // root could change the owner of the file
  const Result<Listener> fd = open_listener(unix_address_, options);
  ASSERT_EQ(::seteuid(user), 0);
  ASSERT_FALSE(fd);
  EXPECT_THAT(fd.error().text, HasSubstr("cannot set its owner"));
  EXPECT_NE(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ListenerTest, a_stale_unix_socket_is_replaced) {
  open_listener(unix_address_)->fd.reset();
  ASSERT_EQ(::access(path_.c_str(), F_OK), 0);
  const Result<Listener> fd = open_listener(unix_address_);
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_TRUE(connect_to(unix_address_));
}

TEST_F(ListenerTest, a_unix_path_is_alone_in_its_folder_and_is_not_the_name_that_a_program_sees) {
  for (const char* when : {"fresh", "stale"}) {
    const Result<Listener> fd = open_listener(unix_address_);
    ASSERT_TRUE(fd) << fd.error().text;
    EXPECT_NE(format_address(*local_address(fd->fd.get())), path_) << when;
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(directory_), {}), 1) << when;
    EXPECT_TRUE(fd->path.stands());
  }
}

TEST_F(ListenerTest, a_path_of_full_length_can_be_bound) {
  const std::string folder = directory_ + "/" + std::string(104 - directory_.size(), 'd');
  ASSERT_EQ(::mkdir(folder.c_str(), 0700), 0);
  const std::string path = folder + "/x";
  ASSERT_EQ(path.size(), 107U);
  const Result<Listener> fd = open_listener(*parse_address(path));
  EXPECT_TRUE(fd) << fd.error().text;
  EXPECT_TRUE(connect_to(*parse_address(path)));
  ::unlink(path.c_str());
  ::rmdir(folder.c_str());
}

// The folder's owner may put anything at the path, and the caller may be root.
TEST_F(ListenerTest, rights_are_never_given_to_what_somebody_has_put_at_the_path) {
  const Result<Listener> fd = open_listener(unix_address_);
  ASSERT_TRUE(fd) << fd.error().text;
  const std::string secret = directory_ + "/secret";
  UniqueFd(::open(secret.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).reset();
  ASSERT_EQ(::unlink(path_.c_str()), 0);
  ASSERT_EQ(::symlink(secret.c_str(), path_.c_str()), 0);
  ListenOptions options;
  options.unix_mode = 0666;
  static_cast<void>(change_listener(fd->fd.get(), fd->path, options));
  struct stat status {};
  ASSERT_EQ(::stat(secret.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  ::unlink(secret.c_str());
}

TEST_F(ListenerTest, a_live_unix_socket_is_left_alone) {
  const Result<Listener> first = open_listener(unix_address_);
  ASSERT_TRUE(first);
  const Result<Listener> second = open_listener(unix_address_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("another process listens there"));
  EXPECT_TRUE(connect_to(unix_address_));
}

TEST_F(ListenerTest, a_live_unix_socket_with_a_full_queue_is_left_alone) {
  ListenOptions options;
  options.backlog = 0;
  const Result<Listener> first = open_listener(unix_address_, options);
  ASSERT_TRUE(first);
  const UniqueFd waiting = connect_to(unix_address_);
  const Result<Listener> second = open_listener(unix_address_);
  ASSERT_FALSE(second);
  EXPECT_THAT(second.error().text, HasSubstr("another process listens there"));
}

TEST_F(ListenerTest, a_datagram_socket_at_the_path_is_left_alone) {
  const UniqueFd datagram(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(::bind(datagram.get(), unix_address_.get(), unix_address_.length), 0);
  EXPECT_THAT(open_listener(unix_address_).error().text, HasSubstr("EPROTOTYPE"));
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ListenerTest, a_file_that_is_no_socket_is_left_alone) {
  UniqueFd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)).reset();
  const Result<Listener> fd = open_listener(unix_address_);
  ASSERT_FALSE(fd);
  EXPECT_EQ(fd.error().text, "the path exists and is not a socket");
  EXPECT_EQ(::access(path_.c_str(), F_OK), 0);
}

TEST_F(ListenerTest, a_symbolic_link_is_not_followed) {
  ASSERT_EQ(::symlink("/nonexistent", path_.c_str()), 0);
  EXPECT_EQ(open_listener(unix_address_).error().text, "the path exists and is not a socket");
}

TEST_F(ListenerTest, a_missing_directory_is_a_failure_that_says_so) {
  EXPECT_THAT(open_listener(*parse_address(directory_ + "/none/s")).error().text, HasSubstr("ENOENT"));
}

TEST_F(ListenerTest, an_abstract_name_is_bound_and_a_second_time_refused) {
  const Address address = *parse_address("@preforkd-test-" + std::to_string(::getpid()));
  const Result<Listener> first = open_listener(address);
  ASSERT_TRUE(first) << first.error().text;
  EXPECT_TRUE(connect_to(address));
  EXPECT_THAT(open_listener(address).error().text, HasSubstr("EADDRINUSE"));
}

TEST_F(ListenerTest, what_open_listener_made_passes_the_check) {
  const Result<Listener> fd = open_listener(*parse_address("127.0.0.1:0"));
  ASSERT_TRUE(fd);
  const Result<Address> address = check_listener(fd->fd.get());
  ASSERT_TRUE(address) << address.error().text;
  EXPECT_THAT(format_address(*address), StartsWith("127.0.0.1:"));
}

TEST_F(ListenerTest, the_check_tells_what_a_descriptor_is_instead) {
  const UniqueFd datagram(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(check_listener(datagram.get()).error().text, "is a datagram socket, not a stream socket");
  const UniqueFd packets(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  EXPECT_EQ(check_listener(packets.get()).error().text, "is a sequential packet socket, not a stream socket");
  const UniqueFd netlink(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0));
  EXPECT_EQ(check_listener(netlink.get()).error().text, "is a socket of family 16, not IPv4, IPv6 or UNIX");
  const UniqueFd silent(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_EQ(check_listener(silent.get()).error().text, "does not listen");
  const UniqueFd directory(::open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  EXPECT_EQ(check_listener(directory.get()).error().text, "is a directory, not a socket");
  const UniqueFd device(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_EQ(check_listener(device.get()).error().text, "is a character device, not a socket");
  std::array<int, 2> ends{};
  ASSERT_EQ(::pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  EXPECT_EQ(check_listener(reader.get()).error().text, "is a pipe, not a socket");
}

TEST_F(ListenerTest, the_check_tells_a_connected_socket) {
  const Result<Listener> listener = open_listener(*parse_address("127.0.0.1:0"));
  const Address address = *local_address(listener->fd.get());
  const UniqueFd client = connect_to(address);
  ASSERT_TRUE(client);
  EXPECT_EQ(check_listener(client.get()).error().text,
            "is connected to " + format_address(address) + ", it does not listen");
}

TEST_F(ListenerTest, the_check_tells_a_closed_descriptor) {
  UniqueFd fd(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const int number = fd.get();
  fd.reset();
  EXPECT_EQ(check_listener(number).error().text, "Bad file descriptor (EBADF)");
  EXPECT_EQ(check_listener(-1).error().text, "Bad file descriptor (EBADF)");
}

TEST_F(ListenerTest, a_tcp_socket_that_was_shut_down_is_revived_on_its_port_chosen_or_given) {
  Address address = *parse_address("127.0.0.1:0");
  for (const char* port : {"chosen", "given"}) {
    const Result<Listener> fd = open_listener(address);
    ASSERT_TRUE(fd) << fd.error().text;
    address = *local_address(fd->fd.get());
    ASSERT_EQ(::shutdown(fd->fd.get(), SHUT_RDWR), 0);
    ASSERT_FALSE(connect_to(address));
    const Result<void> revived = revive_listener(fd->fd.get(), address, 16);
    ASSERT_TRUE(revived) << revived.error().text;
    EXPECT_TRUE(connect_to(address)) << port;
  }
}

TEST_F(ListenerTest, a_unix_socket_that_was_shut_down_stays_so) {
  const Result<Listener> fd = open_listener(unix_address_);
  ASSERT_TRUE(fd) << fd.error().text;
  EXPECT_FALSE(is_shut_down(fd->fd.get()));
  ASSERT_EQ(::shutdown(fd->fd.get(), SHUT_RD), 0);
  EXPECT_TRUE(is_shut_down(fd->fd.get()));
  EXPECT_FALSE(revive_listener(fd->fd.get(), unix_address_, 16));
  EXPECT_FALSE(connect_to(unix_address_));
}

}  // namespace
}  // namespace preforkd
