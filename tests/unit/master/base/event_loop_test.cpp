// SPDX-License-Identifier: MIT
#include "master/base/event_loop.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <algorithm>
#include <chrono>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/unique_fd.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

UniqueFd readable() { return UniqueFd(eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK)); }

TEST(EventLoop, dispatches_by_priority_what_happened_together) {
  EventLoop loop;
  const UniqueFd fd = readable();
  std::string order;
  const EventSource message =
      loop.add_io(fd.get(), EPOLLIN, Priority::worker_message, [&](std::uint32_t) { order += 'm'; });
  const UniqueFd other = readable();
  EventSource exited;
  exited = loop.add_io(other.get(), EPOLLIN, Priority::worker_exit, [&](std::uint32_t) {
    order += 'x';
    exited = EventSource();
  });
  EventSource timer = loop.add_timer(Priority::normal, milliseconds(1), [&] { order += 't'; });
  timer.arm(SteadyClock().now() - seconds(1));
  ASSERT_TRUE(loop.run_once(seconds(1)));
  ASSERT_TRUE(loop.run_once(seconds(1)));
  EXPECT_EQ(order, "xm");
}

TEST(EventLoop, lets_no_caller_on_the_bus_keep_a_deadline_waiting) {
  EventLoop loop;
  const UniqueFd fd = readable();
  std::string order;
  const EventSource bus = loop.add_io(fd.get(), EPOLLIN, Priority::bus, [&](std::uint32_t) { order += 'b'; });
  EventSource timer;
  timer = loop.add_timer(Priority::normal, milliseconds(1), [&] {
    order += 't';
    if (order.size() < 3) timer.arm(SteadyClock().now() - seconds(1));
  });
  timer.arm(SteadyClock().now() - seconds(1));
  const EventSource after = loop.add_after_each([&] { order += 'a'; });
  while (order.find('b') == std::string::npos) ASSERT_TRUE(loop.run_once(seconds(1)));
  EXPECT_GT(std::count(order.begin(), order.end(), 't'), 1);
  EXPECT_LT(order.find('a'), order.find('b')) << order;
  EXPECT_EQ(order.back(), 'b') << order;
}

TEST(EventLoop, lets_a_callback_destroy_its_own_source) {
  EventLoop loop;
  const UniqueFd fd = readable();
  int calls = 0;
  const auto text = std::make_shared<std::string>("still here after the source is gone");
  EventSource source;
  source = loop.add_io(fd.get(), EPOLLIN, Priority::normal, [&, text](std::uint32_t) {
    source = EventSource();
    ++calls;
    EXPECT_EQ(*text, "still here after the source is gone");
  });
  EXPECT_TRUE(loop.run_once(seconds(1)));
  EXPECT_FALSE(loop.run_once(Duration(0)));
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(text.use_count(), 1);
}

TEST(EventLoop, goes_on_after_a_callback_threw) {
  EventLoop loop;
  const UniqueFd fd = readable();
  int calls = 0;
  const EventSource source = loop.add_io(fd.get(), EPOLLIN, Priority::normal, [&](std::uint32_t) {
    ++calls;
    throw std::runtime_error("thrown by a test");
  });
  testing::internal::CaptureStderr();
  EXPECT_TRUE(loop.run_once(seconds(1)));
  EXPECT_TRUE(loop.run_once(seconds(1)));
  EXPECT_NE(testing::internal::GetCapturedStderr().find("thrown by a test"), std::string::npos);
  EXPECT_EQ(calls, 2);
}

TEST(EventLoop, forgets_a_source_that_is_destroyed) {
  EventLoop loop;
  const UniqueFd fd = readable();
  {
    const EventSource source = loop.add_io(fd.get(), EPOLLIN, Priority::normal, [](std::uint32_t) { FAIL(); });
  }
  EXPECT_FALSE(loop.run_once(Duration(0)));
  // The descriptor can be watched again: nothing of the old registration is left in the epoll set.
  int calls = 0;
  const EventSource again = loop.add_io(fd.get(), EPOLLIN, Priority::normal, [&](std::uint32_t) { ++calls; });
  EXPECT_TRUE(loop.run_once(seconds(1)));
  EXPECT_EQ(calls, 1);
}

TEST(EventLoop, puts_a_source_aside_that_is_over_its_rate) {
  EventLoop loop;
  const UniqueFd fd = readable();
  int flood = 0;
  EventSource source = loop.add_io(fd.get(), EPOLLIN, Priority::worker_message, [&](std::uint32_t) { ++flood; });
  source.limit_rate(seconds(60), 5);
  int ticks = 0;
  EventSource timer = loop.add_timer(Priority::normal, milliseconds(1), [&] { ++ticks; });
  timer.arm(SteadyClock().now());
  for (int turn = 0; turn < 20 && ticks == 0; ++turn) loop.run_once(milliseconds(10));
  EXPECT_EQ(ticks, 1);
  EXPECT_EQ(flood, 5);
}

TEST(EventLoop, fires_a_timer_once_and_not_after_disarm) {
  EventLoop loop;
  int fired = 0;
  EventSource timer = loop.add_timer(Priority::normal, milliseconds(1), [&] { ++fired; });
  EXPECT_FALSE(loop.run_once(Duration(0)));
  timer.arm(SteadyClock().now() + milliseconds(5));
  for (int turn = 0; turn < 20 && fired == 0; ++turn) loop.run_once(milliseconds(100));
  EXPECT_EQ(fired, 1);
  timer.arm(SteadyClock().now() - seconds(1));
  timer.disarm();
  EXPECT_FALSE(loop.run_once(Duration(0)));
  EXPECT_EQ(fired, 1);
}

TEST(EventLoop, turns_a_signal_into_a_call) {
  sigset_t before;
  sigprocmask(SIG_SETMASK, nullptr, &before);
  {
    EventLoop loop;
    int calls = 0;
    const EventSource source = loop.add_signal(SIGUSR2, Priority::signal, [&] { ++calls; });
    raise(SIGUSR2);
    EXPECT_TRUE(loop.run_once(seconds(1)));
    EXPECT_EQ(calls, 1);
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
}

TEST(EventLoop, runs_what_is_to_run_after_each_turn) {
  EventLoop loop;
  const UniqueFd fd = readable();
  std::string order;
  const EventSource source = loop.add_io(fd.get(), EPOLLIN, Priority::normal, [&](std::uint32_t) {
    order += 'a';
    std::uint64_t value = 0;
    ASSERT_EQ(read(fd.get(), &value, sizeof(value)), 8);
  });
  const EventSource after = loop.add_after_each([&] {
    order += 'z';
    loop.exit(7);
  });
  EXPECT_EQ(loop.run(), 7);
  EXPECT_EQ(order, "az");
}

TEST(EventLoop, tries_again_what_is_to_run_after_each_turn_if_it_threw) {
  EventLoop loop;
  EventSource once = loop.add_timer(Priority::normal, milliseconds(1), [] {});
  int calls = 0;
  const EventSource after = loop.add_after_each([&] {
    if (++calls < 3) throw std::runtime_error("thrown by a test");
    loop.exit(7);
  });
  once.arm(SteadyClock().now());
  testing::internal::CaptureStderr();
  EXPECT_EQ(loop.run(), 7);
  testing::internal::GetCapturedStderr();
  EXPECT_EQ(calls, 3);
}

}  // namespace
}  // namespace preforkd
