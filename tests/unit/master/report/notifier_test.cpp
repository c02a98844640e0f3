// SPDX-License-Identifier: MIT
#include "master/report/notifier.hpp"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <chrono>
#include <string>

#include "unit/master/fake_systemd.hpp"

namespace preforkd {
namespace {

TEST(Notifier, says_nothing_without_systemd) {
  unsetenv("NOTIFY_SOCKET");
  EventLoop loop;
  Notifier notifier(loop);
  EXPECT_FALSE(notifier.connected());
  notifier.ready("x");
  EXPECT_FALSE(notifier.status("y"));
}

TEST(Notifier, speaks_systemds_protocol) {
  FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  EXPECT_TRUE(notifier.connected());
  notifier.ready("3/3 workers ready");
  EXPECT_EQ(systemd.heard(), "READY=1\nSTATUS=3/3 workers ready");
  notifier.reloading();
  EXPECT_EQ(systemd.heard().substr(0, 27), "RELOADING=1\nMONOTONIC_USEC=");
  notifier.stopping("leaving");
  EXPECT_EQ(systemd.heard(), "STOPPING=1\nSTATUS=leaving");
}

TEST(Notifier, sends_a_status_only_if_it_changed) {
  FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  EXPECT_TRUE(notifier.status("one"));
  EXPECT_FALSE(notifier.status("one"));
  EXPECT_TRUE(notifier.status("two"));
  EXPECT_EQ(systemd.heard(), "STATUS=one");
  EXPECT_EQ(systemd.heard(), "STATUS=two");
  EXPECT_EQ(systemd.heard(), "");
}

// systemd accepts that, but would show a stopping service as starting.
TEST(Notifier, says_nothing_but_status_texts_once_it_has_said_stopping) {
  const FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  notifier.stopping("leaving");
  EXPECT_EQ(systemd.heard(), "STOPPING=1\nSTATUS=leaving");
  notifier.reloading();
  EXPECT_EQ(systemd.heard(), "");
  notifier.ready("not really");
  EXPECT_EQ(systemd.heard(), "STATUS=not really");
}

TEST(Notifier, never_waits_for_systemd_and_says_the_newest_of_each_kind_when_it_reads_again) {
  const FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  systemd.fill();
  notifier.status("starting");
  notifier.reloading();
  notifier.ready("1/1");
  notifier.extend_timeout(std::chrono::hours(1));
  const std::string message = systemd.heard_by(loop);
  EXPECT_EQ(message.substr(0, message.rfind('=')), "READY=1\nSTATUS=1/1\nEXTEND_TIMEOUT_USEC");
  EXPECT_EQ(systemd.heard(), "");
  EXPECT_FALSE(loop.run_once(Duration(0)));
}

TEST(Notifier, keeps_stopping_that_could_not_be_said) {
  const FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  systemd.fill();
  notifier.stopping("leaving");
  notifier.status("left");
  EXPECT_EQ(systemd.heard_by(loop), "STOPPING=1\nSTATUS=left");
}

TEST(Notifier, finds_a_systemd_that_has_started_again) {
  FakeSystemd systemd;
  EventLoop loop;
  Notifier notifier(loop);
  systemd.start_again();
  notifier.ready("1/1");
  EXPECT_EQ(systemd.heard(), "READY=1\nSTATUS=1/1");
}

TEST(Notifier, needs_no_further_descriptor) {
  const FakeSystemd systemd;
  setenv("WATCHDOG_USEC", "20000", 1);
  EventLoop loop;
  Notifier notifier(loop);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none{0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  notifier.serve_watchdog();
  notifier.ready("1/1");
  const std::string first = systemd.heard();
  const std::string second = systemd.heard();
  const std::string third = systemd.heard_by(loop);
  setrlimit(RLIMIT_NOFILE, &before);
  unsetenv("WATCHDOG_USEC");
  EXPECT_EQ(first, "WATCHDOG=1");
  EXPECT_EQ(second, "READY=1\nSTATUS=1/1");
  EXPECT_EQ(third, "WATCHDOG=1");
}

}  // namespace
}  // namespace preforkd
