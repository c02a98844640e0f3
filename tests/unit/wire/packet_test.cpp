// SPDX-License-Identifier: MIT
#include "wire/packet.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <string>

#include "base/file_identity.hpp"

namespace preforkd {
namespace {

struct Pair {
  Pair() {
    std::array<int, 2> ends{};
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()), 0);
    here.reset(ends[0]);
    there.reset(ends[1]);
  }
  PacketReceived receive() { return receive_packet(there.get(), buffer, packet); }

  UniqueFd here;
  UniqueFd there;
  std::array<char, 16> buffer{};
  Packet packet;
};

std::ptrdiff_t open_descriptors() {
  return std::distance(std::filesystem::directory_iterator("/proc/self/fd"), std::filesystem::directory_iterator());
}

TEST(Packet, has_the_bytes_of_its_parts_and_a_duplicate_of_the_descriptor) {
  Pair pair;
  const UniqueFd file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  ASSERT_EQ(send_packet(pair.here.get(), {"one", "", "two"}, file.get()), PacketSent::sent);
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "onetwo");
  EXPECT_EQ(FileIdentity::of(pair.packet.fd.get()), FileIdentity::of(file.get()));
  EXPECT_EQ(::fcntl(pair.packet.fd.get(), F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(pair.receive(), PacketReceived::nothing);
}

TEST(Packet, that_does_not_fit_into_the_buffer_or_has_no_byte_is_empty) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.here.get(), {std::string(17, 'x')}), PacketSent::sent);
  ASSERT_EQ(send_packet(pair.here.get(), {""}), PacketSent::sent);
  ASSERT_EQ(send_packet(pair.here.get(), {std::string(16, 'x')}), PacketSent::sent);
  for (const std::string& expected : {std::string(), std::string(), std::string(16, 'x')}) {
    ASSERT_EQ(pair.receive(), PacketReceived::packet);
    EXPECT_EQ(pair.packet.bytes, expected);
  }
}

TEST(Packet, that_was_peeked_at_is_still_there) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.here.get(), {"one"}), PacketSent::sent);
  ASSERT_EQ(peek_packet(pair.there.get(), pair.buffer, pair.packet), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "one");
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "one");
  EXPECT_EQ(peek_packet(pair.there.get(), pair.buffer, pair.packet), PacketReceived::nothing);
}

TEST(Packet, end_comes_after_what_the_peer_has_sent) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.here.get(), {"last"}), PacketSent::sent);
  pair.here.reset();
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "last");
  EXPECT_EQ(pair.receive(), PacketReceived::ended);
  EXPECT_EQ(send_packet(pair.there.get(), {"x"}), PacketSent::broken);
}

TEST(Packet, of_a_peer_that_left_without_reading_comes_before_the_end) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.there.get(), {"unread"}), PacketSent::sent);
  ASSERT_EQ(send_packet(pair.here.get(), {"last"}), PacketSent::sent);
  pair.here.reset();
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "last");
  EXPECT_EQ(pair.receive(), PacketReceived::ended);
}

TEST(Packet, end_is_seen_although_the_peer_left_without_reading) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.there.get(), {"unread"}), PacketSent::sent);
  pair.here.reset();
  EXPECT_EQ(pair.receive(), PacketReceived::ended);
  EXPECT_EQ(receive_packet(-1, pair.buffer, pair.packet), PacketReceived::ended);
}

TEST(Packet, end_comes_with_the_last_copy_of_the_peer) {
  Pair pair;
  UniqueFd stored(::fcntl(pair.here.get(), F_DUPFD_CLOEXEC, 0));
  pair.here.reset();
  EXPECT_EQ(pair.receive(), PacketReceived::nothing);
  stored.reset();
  EXPECT_EQ(pair.receive(), PacketReceived::ended);
}

// A worker that takes connections must not believe that it owns one when its giver no longer listens.
TEST(Packet, cannot_be_sent_to_a_peer_that_no_longer_reads_which_still_gets_those_before) {
  Pair pair;
  ASSERT_EQ(send_packet(pair.there.get(), {"before"}), PacketSent::sent);
  ASSERT_EQ(::shutdown(pair.here.get(), SHUT_RD), 0);
  EXPECT_EQ(send_packet(pair.there.get(), {"after"}), PacketSent::broken);
  ASSERT_EQ(receive_packet(pair.here.get(), pair.buffer, pair.packet), PacketReceived::packet);
  EXPECT_EQ(pair.packet.bytes, "before");
  EXPECT_EQ(receive_packet(pair.here.get(), pair.buffer, pair.packet), PacketReceived::ended);
}

TEST(Packet, is_not_sent_while_the_peer_does_not_read) {
  Pair pair;
  int sent = 0;
  while (sent < 100'000 && send_packet(pair.here.get(), {"x"}) == PacketSent::sent) ++sent;
  EXPECT_LT(sent, 100'000);
  EXPECT_EQ(send_packet(pair.here.get(), {"x"}), PacketSent::full);
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_EQ(send_packet(pair.here.get(), {"x"}), PacketSent::sent);
}

TEST(Packet, with_many_descriptors_leaks_none) {
  Pair pair;
  std::array<int, 8> ends{};
  for (int& fd : ends) fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  char byte = 'x';
  iovec vector{&byte, 1};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof ends)> control{};
  msghdr message{};
  message.msg_iov = &vector;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof ends);
  std::memcpy(CMSG_DATA(header), ends.data(), sizeof ends);
  ASSERT_EQ(::sendmsg(pair.here.get(), &message, 0), 1);
  for (const int fd : ends) ::close(fd);
  const auto before = open_descriptors();
  ASSERT_EQ(pair.receive(), PacketReceived::packet);
  EXPECT_TRUE(pair.packet.fd);
  pair.packet = {};
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace preforkd
