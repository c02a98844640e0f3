// SPDX-License-Identifier: MIT
#include "master/process/notify_inbox.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <list>
#include <string>
#include <vector>

namespace preforkd {
namespace {

using std::chrono::seconds;

class NotifyInboxTest : public testing::Test {
 protected:
  NotifyInboxTest() { EXPECT_NE(mkdtemp(folder_.data()), nullptr); }
  ~NotifyInboxTest() override {
    inboxes_.clear();
    std::filesystem::remove_all(folder_);
  }

  NotifyInbox& add(NotifyInbox::Take take) {
    return inboxes_.emplace_back(loop_, folder_ + "/notify." + std::to_string(inboxes_.size()), std::move(take));
  }
  static UniqueFd sender_to(const NotifyInbox& inbox) {
    UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, inbox.path().c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    return fd;
  }
  static bool say(const UniqueFd& sender) { return send(sender.get(), "STATUS=x", 8, 0) == 8; }

  std::string folder_ = "/tmp/preforkd-test.XXXXXX";
  EventLoop loop_;
  std::list<NotifyInbox> inboxes_;
};

// Each message that is read is followed by another one, so no queue is ever empty.
TEST_F(NotifyInboxTest, the_floods_of_many_come_after_all_else) {
  constexpr std::size_t flooders = 300;
  std::vector<UniqueFd> senders(flooders);
  for (std::size_t i = 0; i < flooders; ++i) {
    UniqueFd& sender = senders[i];
    sender = sender_to(add([&sender](const NotifySocket::Received&) { say(sender); }));
    while (say(sender)) continue;
  }
  bool heard = false;
  const UniqueFd sound = sender_to(add([&heard](const NotifySocket::Received&) { heard = true; }));
  bool ticked = false;
  EventSource timer = loop_.add_timer(Priority::normal, std::chrono::milliseconds(1), [&ticked] { ticked = true; });
  timer.arm(SteadyClock().now());
  std::size_t turns = 0;
  for (; turns < 100 * flooders && !ticked; ++turns) loop_.run_once(seconds(10));
  EXPECT_LE(turns, 3 * flooders);
  ASSERT_TRUE(say(sound));
  loop_.run_once(seconds(10));
  EXPECT_TRUE(heard) << "a flooding worker was read before one with few messages";
}

TEST_F(NotifyInboxTest, an_ended_flood_is_forgotten) {
  unsigned taken = 0;
  const UniqueFd sender = sender_to(add([&taken](const NotifySocket::Received&) { ++taken; }));
  const Instant deadline = SteadyClock().now() + seconds(10);
  while (taken < 100 && SteadyClock().now() < deadline) {
    while (say(sender)) continue;
    loop_.run_once(seconds(1));
  }
  ASSERT_GE(taken, 100U);
  bool ticked = true;
  EventSource timer = loop_.add_timer(Priority::normal, std::chrono::milliseconds(1), [&ticked] { ticked = true; });
  // After a few single messages it is read before the timer again.
  while (ticked && SteadyClock().now() < deadline) {
    while (loop_.run_once(std::chrono::milliseconds(150))) continue;
    ASSERT_TRUE(say(sender));
    ticked = false;
    timer.arm(SteadyClock().now());
    loop_.run_once(seconds(1));
  }
  EXPECT_FALSE(ticked);
}

TEST_F(NotifyInboxTest, hears_a_sender_that_is_connected_since_before_a_renewal) {
  unsigned taken = 0;
  NotifyInbox& inbox = add([&taken](const NotifySocket::Received&) { ++taken; });
  const UniqueFd before = sender_to(inbox);
  unlink(inbox.path().c_str());
  EXPECT_FALSE(inbox.is_reachable());
  inbox.renew();
  EXPECT_TRUE(inbox.is_reachable());
  EXPECT_TRUE(say(before));
  EXPECT_TRUE(say(sender_to(inbox)));
  for (int turn = 0; turn < 2; ++turn) loop_.run_once(seconds(10));
  EXPECT_EQ(taken, 2U);
}

TEST_F(NotifyInboxTest, takes_what_was_said_when_it_is_closed_and_nothing_more) {
  unsigned taken = 0;
  NotifyInbox& inbox = add([&taken](const NotifySocket::Received&) { ++taken; });
  const UniqueFd sender = sender_to(inbox);
  EXPECT_TRUE(say(sender));
  inbox.close();
  EXPECT_EQ(taken, 1U);
  EXPECT_TRUE(say(sender));
  EXPECT_FALSE(loop_.run_once(std::chrono::milliseconds(1)));
  EXPECT_EQ(taken, 1U);
}

}  // namespace
}  // namespace preforkd
