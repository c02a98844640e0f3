// SPDX-License-Identifier: MIT
#include "master/process/notify_socket.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <fstream>
#include <sstream>
#include <string>
#include <system_error>
#include <variant>
#include <vector>

namespace preforkd {
namespace {

class NotifySocketTest : public testing::Test {
 protected:
  NotifySocketTest() {
    EXPECT_NE(mkdtemp(folder_.data()), nullptr);
    path_ = folder_ + "/notify.1";
  }
  ~NotifySocketTest() override { rmdir(folder_.c_str()); }

  // As sd_pid_notify_with_fds(3) does it.
  void send(std::string_view text, const std::vector<int>& descriptors = {}) const {
    const UniqueFd sender(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    iovec part{const_cast<char*>(text.data()), text.size()};
    msghdr header{};
    header.msg_name = &address;
    header.msg_namelen = sizeof(address);
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    std::vector<char> control(CMSG_SPACE(descriptors.size() * sizeof(int)));
    if (!descriptors.empty()) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* rights = CMSG_FIRSTHDR(&header);
      rights->cmsg_level = SOL_SOCKET;
      rights->cmsg_type = SCM_RIGHTS;
      rights->cmsg_len = CMSG_LEN(descriptors.size() * sizeof(int));
      std::memcpy(CMSG_DATA(rights), descriptors.data(), descriptors.size() * sizeof(int));
    }
    ASSERT_EQ(sendmsg(sender.get(), &header, 0), static_cast<ssize_t>(text.size()));
  }

  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  std::string path_;
};

bool is_closed_at_the_other_end(int pipe_end) {
  pollfd waiting{pipe_end, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1 && (waiting.revents & POLLHUP) != 0;
}

TEST_F(NotifySocketTest, receives_messages_in_order_and_never_blocks) {
  NotifySocket socket(path_);
  send("READY=1");
  send("STOPPING=1");
  const auto first = socket.receive();
  const auto second = socket.receive();
  ASSERT_TRUE(std::holds_alternative<NotifySocket::Datagram>(first));
  EXPECT_TRUE(std::get<NotifySocket::Datagram>(first).message.ready);
  ASSERT_TRUE(std::holds_alternative<NotifySocket::Datagram>(second));
  EXPECT_TRUE(std::get<NotifySocket::Datagram>(second).message.stopping);
  EXPECT_TRUE(std::holds_alternative<NotifySocket::Nothing>(socket.receive()));
}

TEST_F(NotifySocketTest, closes_a_barriers_descriptor_once_the_message_was_acted_upon) {
  NotifySocket socket(path_);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  send("BARRIER=1", {write_end.get()});
  write_end.reset();
  {
    const auto received = socket.receive();
    ASSERT_TRUE(std::holds_alternative<NotifySocket::Datagram>(received));
    const auto& datagram = std::get<NotifySocket::Datagram>(received);
    ASSERT_EQ(datagram.descriptors.size(), 1U);
    EXPECT_EQ(fcntl(datagram.descriptors.front().get(), F_GETFD), FD_CLOEXEC);
    EXPECT_FALSE(is_closed_at_the_other_end(read_end.get()));
  }
  EXPECT_TRUE(is_closed_at_the_other_end(read_end.get()));
}

TEST_F(NotifySocketTest, closes_descriptors_of_messages_that_it_does_not_use) {
  NotifySocket socket(path_);
  std::array<int, 2> ends{};
  ASSERT_EQ(pipe2(ends.data(), O_CLOEXEC), 0);
  const UniqueFd read_end(ends[0]);
  UniqueFd write_end(ends[1]);
  send("no message", std::vector<int>(100, write_end.get()));
  write_end.reset();
  EXPECT_TRUE(std::holds_alternative<NotifySocket::Unusable>(socket.receive()));
  EXPECT_TRUE(is_closed_at_the_other_end(read_end.get()));
}

TEST_F(NotifySocketTest, refuses_an_oversized_datagram_as_a_whole) {
  NotifySocket socket(path_);
  send("READY=1\nX=" + std::string(max_notify_bytes, 'x'));
  send("READY=1");
  EXPECT_TRUE(std::holds_alternative<NotifySocket::Unusable>(socket.receive()));
  EXPECT_TRUE(std::holds_alternative<NotifySocket::Datagram>(socket.receive()));
}

TEST_F(NotifySocketTest, lets_every_user_send_whatever_the_umask_and_removes_its_path) {
  const mode_t before = umask(0777);
  {
    NotifySocket socket(path_);
    umask(before);
    struct stat there {};
    ASSERT_EQ(stat(path_.c_str(), &there), 0);
    EXPECT_TRUE(S_ISSOCK(there.st_mode));
    EXPECT_EQ(there.st_mode & 07777U, 0666U);
  }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(NotifySocketTest, says_who_sent_a_message) {
  NotifySocket socket(path_);
  send("READY=1");
  const auto received = socket.receive();
  ASSERT_TRUE(std::holds_alternative<NotifySocket::Datagram>(received));
  EXPECT_EQ(std::get<NotifySocket::Datagram>(received).sender.pid, getpid());
  EXPECT_EQ(std::get<NotifySocket::Datagram>(received).sender.uid, geteuid());
}

TEST_F(NotifySocketTest, shows_its_path_nowhere) {
  const NotifySocket socket(path_);
  std::ostringstream all;
  all << std::ifstream("/proc/net/unix").rdbuf();
  EXPECT_NE(all.str().find(folder_ + "/notify.new\n"), std::string::npos);
  EXPECT_EQ(all.str().find(path_ + "\n"), std::string::npos);
}

TEST_F(NotifySocketTest, knows_whether_its_path_leads_to_it) {
  {
    const NotifySocket socket(path_);
    EXPECT_TRUE(socket.is_reachable());
    unlink(path_.c_str());
    EXPECT_FALSE(socket.is_reachable());
    UniqueFd(open(path_.c_str(), O_CREAT | O_WRONLY | O_CLOEXEC, 0600)).reset();
    EXPECT_FALSE(socket.is_reachable());
  }
  EXPECT_EQ(unlink(path_.c_str()), 0) << "it has removed a file of another process";
}

TEST_F(NotifySocketTest, throws_a_reason_for_a_path_that_does_not_fit) {
  EXPECT_THROW(NotifySocket(folder_ + "/" + std::string(200, 'n')), std::system_error);
  EXPECT_THROW(NotifySocket("/nonexistent/notify.1"), std::system_error);
}

// As a next master does: the first object is destroyed without removing the path.
class AdoptedSocketTest : public NotifySocketTest {
 protected:
  AdoptedSocketTest() {
    const NotifySocket first(path_);
    bound_.reset(fcntl(first.fd(), F_DUPFD_CLOEXEC, 3));
    EXPECT_EQ(link(path_.c_str(), (path_ + ".kept").c_str()), 0);
  }
  void SetUp() override { EXPECT_EQ(rename((path_ + ".kept").c_str(), path_.c_str()), 0); }

  UniqueFd bound_;
};

TEST_F(AdoptedSocketTest, receives_what_waits_and_what_follows) {
  send("STATUS=before");
  NotifySocket socket(path_, std::move(bound_));
  EXPECT_TRUE(socket.is_reachable());
  send("STATUS=after");
  for (const char* const text : {"before", "after"}) {
    const NotifySocket::Received received = socket.receive();
    const auto* const datagram = std::get_if<NotifySocket::Datagram>(&received);
    ASSERT_NE(datagram, nullptr);
    EXPECT_EQ(datagram->message.status, text);
    EXPECT_EQ(datagram->sender.pid, getpid());
  }
}

TEST_F(AdoptedSocketTest, removes_its_path_at_the_end) {
  { const NotifySocket socket(path_, std::move(bound_)); }
  EXPECT_NE(access(path_.c_str(), F_OK), 0);
}

TEST_F(AdoptedSocketTest, is_not_reachable_if_its_path_is_gone) {
  ASSERT_EQ(unlink(path_.c_str()), 0);
  const NotifySocket socket(path_, std::move(bound_));
  EXPECT_FALSE(socket.is_reachable());
}

// The earlier master had bound the path again, and that socket has ended with it.
TEST_F(AdoptedSocketTest, is_not_reachable_if_its_path_leads_to_a_socket_that_is_closed) {
  bound_.reset();
  const NotifySocket socket(path_, UniqueFd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  EXPECT_FALSE(socket.is_reachable());
  ASSERT_EQ(unlink(path_.c_str()), 0);
}

}  // namespace
}  // namespace preforkd
