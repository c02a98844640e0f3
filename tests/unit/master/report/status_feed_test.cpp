// SPDX-License-Identifier: MIT
#include "master/report/status_feed.hpp"

#include <gtest/gtest.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <string>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// Plays systemd.
class FakeSystemd {
 public:
  FakeSystemd() : fd_(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    // Bound to nothing but the family, the kernel chooses an abstract name.
    EXPECT_EQ(bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(sa_family_t)), 0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    std::string name(address.sun_path, length - offsetof(sockaddr_un, sun_path));
    name[0] = '@';
    setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }
  ~FakeSystemd() { unsetenv("NOTIFY_SOCKET"); }

  // The next message, or "" if there is none.
  std::string heard() {
    std::array<char, 4096> bytes{};
    const ssize_t size = recv(fd_.get(), bytes.data(), bytes.size(), 0);
    return size > 0 ? std::string(bytes.data(), static_cast<std::size_t>(size)) : "";
  }

 private:
  UniqueFd fd_;
};

TEST(Notifier, SaysNothingWithoutSystemd) {
  unsetenv("NOTIFY_SOCKET");
  Notifier notifier;
  EXPECT_FALSE(notifier.connected());
  notifier.ready("x");
  EXPECT_FALSE(notifier.status("y"));
}

TEST(Notifier, SpeaksSystemdsProtocol) {
  FakeSystemd systemd;
  Notifier notifier;
  EXPECT_TRUE(notifier.connected());
  notifier.ready("3/3 workers ready");
  EXPECT_EQ(systemd.heard(), "READY=1\nSTATUS=3/3 workers ready");
  notifier.reloading();
  EXPECT_EQ(systemd.heard().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  notifier.stopping("leaving");
  EXPECT_EQ(systemd.heard(), "STOPPING=1\nSTATUS=leaving");
}

TEST(Notifier, SendsAStatusOnlyIfItChanged) {
  FakeSystemd systemd;
  Notifier notifier;
  EXPECT_TRUE(notifier.status("one"));
  EXPECT_FALSE(notifier.status("one"));
  EXPECT_TRUE(notifier.status("two"));
  EXPECT_EQ(systemd.heard(), "STATUS=one");
  EXPECT_EQ(systemd.heard(), "STATUS=two");
  EXPECT_EQ(systemd.heard(), "");
}

TEST(StatusFeed, ShowsTheFirstEventAtOnceAndTheNextOnesTogether) {
  FakeSystemd systemd;
  Notifier notifier;
  EventLoop loop;
  std::string text = "one";
  StatusFeed feed(loop, notifier, [&] { return StatusFeed::Text{text, false}; });
  feed.on_event();
  EXPECT_EQ(systemd.heard(), "STATUS=one");
  text = "two";
  feed.on_event();
  text = "three";
  feed.on_event();
  EXPECT_EQ(systemd.heard(), "");
  const Instant deadline = SteadyClock().now() + seconds(10);
  std::string heard;
  while (heard.empty() && SteadyClock().now() < deadline) {
    loop.run_once(milliseconds(100));
    heard = systemd.heard();
  }
  EXPECT_EQ(heard, "STATUS=three");
}

TEST(StatusFeed, LooksLessAndLessOftenWhileNothingChangesButOftenEnoughWhileWorkersDrain) {
  Duration idle = StatusFeed::shortest;
  Duration draining = StatusFeed::shortest;
  for (int looks = 0; looks < 20; ++looks) {
    const Duration before = idle;
    idle = StatusFeed::next_interval(idle, false, false);
    draining = StatusFeed::next_interval(draining, false, true);
    EXPECT_EQ(idle, std::min(2 * before, StatusFeed::longest));
    EXPECT_LE(draining, seconds(10));
  }
  EXPECT_EQ(idle, StatusFeed::longest);
  EXPECT_EQ(StatusFeed::next_interval(idle, false, true), seconds(10));
  EXPECT_EQ(StatusFeed::next_interval(idle, true, false), StatusFeed::shortest);
}

TEST(StatusFeed, WakesNobodyWithoutSystemd) {
  unsetenv("NOTIFY_SOCKET");
  Notifier notifier;
  EventLoop loop;
  StatusFeed feed(loop, notifier, [] {
    ADD_FAILURE() << "nobody reads it";
    return StatusFeed::Text();
  });
  feed.on_event();
  EXPECT_FALSE(loop.run_once(Duration(0)));
}

}  // namespace
}  // namespace preforkd
