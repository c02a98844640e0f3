// SPDX-License-Identifier: MIT
#include "wire/control_channel.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <string>

namespace preforkd {
namespace {

ControlChannel open_channel() {
  Result<ControlChannel> channel = ControlChannel::open();
  EXPECT_TRUE(channel);
  return std::move(*channel);
}

void send_bytes(int fd, std::size_t size) {
  const std::string bytes(size, 'm');
  ASSERT_EQ(::send(fd, bytes.data(), size, MSG_NOSIGNAL), static_cast<ssize_t>(size));
}

TEST(ControlChannel, both_ends_are_cloexec_and_non_blocking) {
  const ControlChannel channel = open_channel();
  for (const int fd : {channel.master_end.get(), channel.worker_end.get()}) {
    EXPECT_EQ(::fcntl(fd, F_GETFD), FD_CLOEXEC);
    EXPECT_NE(::fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
  }
}

TEST(Lifeline, is_alive_while_the_masters_end_is_open) {
  const ControlChannel channel = open_channel();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::alive);
}

TEST(Lifeline, ends_with_the_masters_end) {
  ControlChannel channel = open_channel();
  channel.master_end.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::ended);
}

TEST(Lifeline, stays_alive_as_long_as_any_copy_of_the_masters_end_is_open) {
  ControlChannel channel = open_channel();
  UniqueFd stored(::fcntl(channel.master_end.get(), F_DUPFD_CLOEXEC, 0));
  channel.master_end.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::alive);
  stored.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::ended);
}

TEST(Lifeline, drops_messages_of_a_newer_master) {
  const ControlChannel channel = open_channel();
  send_bytes(channel.master_end.get(), 1);
  send_bytes(channel.master_end.get(), 4000);
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::alive);
  char byte = 0;
  EXPECT_LT(::recv(channel.worker_end.get(), &byte, 1, MSG_DONTWAIT), 0);
}

TEST(Lifeline, an_empty_message_is_no_end) {
  const ControlChannel channel = open_channel();
  send_bytes(channel.master_end.get(), 0);
  send_bytes(channel.master_end.get(), 0);
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::alive);
}

TEST(Lifeline, the_end_is_seen_behind_queued_messages) {
  ControlChannel channel = open_channel();
  send_bytes(channel.master_end.get(), 10);
  send_bytes(channel.master_end.get(), 0);
  channel.master_end.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::ended);
}

TEST(Lifeline, ends_when_the_master_left_without_reading) {
  ControlChannel channel = open_channel();
  send_bytes(channel.worker_end.get(), 10);
  channel.master_end.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::ended);
}

TEST(Lifeline, descriptors_in_a_message_are_not_kept) {
  const ControlChannel channel = open_channel();
  int pipe_ends[2];
  ASSERT_EQ(::pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK), 0);
  const UniqueFd reader(pipe_ends[0]);
  UniqueFd writer(pipe_ends[1]);
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  const int passed = writer.get();
  std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
  ASSERT_EQ(::sendmsg(channel.master_end.get(), &message, MSG_NOSIGNAL), 1);
  writer.reset();
  EXPECT_EQ(check_lifeline(channel.worker_end.get()), Lifeline::alive);
  EXPECT_EQ(::read(reader.get(), &byte, 1), 0);  // end-of-file: no process holds the write end any more
}

TEST(Lifeline, a_descriptor_that_is_none_counts_as_ended) { EXPECT_EQ(check_lifeline(-1), Lifeline::ended); }

}  // namespace
}  // namespace preforkd
