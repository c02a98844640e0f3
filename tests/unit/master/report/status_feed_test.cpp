// SPDX-License-Identifier: MIT
#include "master/report/status_feed.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <string>

#include "unit/master/fake_systemd.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(StatusFeed, shows_the_first_event_at_once_and_the_next_ones_together) {
  FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
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

TEST(StatusFeed, looks_less_and_less_often_while_nothing_changes_but_often_enough_while_workers_drain) {
  Duration idle = StatusFeed::min_interval;
  Duration draining = StatusFeed::min_interval;
  for (int looks = 0; looks < 20; ++looks) {
    const Duration before = idle;
    idle = StatusFeed::next_interval(idle, false, false);
    draining = StatusFeed::next_interval(draining, false, true);
    EXPECT_EQ(idle, std::min(2 * before, StatusFeed::max_interval));
    EXPECT_LE(draining, seconds(10));
  }
  EXPECT_EQ(idle, StatusFeed::max_interval);
  EXPECT_EQ(StatusFeed::next_interval(idle, false, true), seconds(10));
  EXPECT_EQ(StatusFeed::next_interval(idle, true, false), StatusFeed::min_interval);
}

TEST(StatusFeed, wakes_nobody_without_systemd) {
  unsetenv("NOTIFY_SOCKET");
  EventLoop loop;
  Notifier notifier(loop);
  StatusFeed feed(loop, notifier, [] {
    ADD_FAILURE() << "systemd does not read it";
    return StatusFeed::Text();
  });
  feed.on_event();
  EXPECT_FALSE(loop.run_once(Duration(0)));
}

}  // namespace
}  // namespace preforkd
