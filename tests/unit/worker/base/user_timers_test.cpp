// SPDX-License-Identifier: MIT
#include "worker/base/user_timers.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <stdexcept>
#include <vector>

namespace prefork::internal {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

constexpr auto day = 24h;

struct UserTimersTest : testing::Test {
  void advance(std::chrono::hours hours) { wheel.advance(loop.now() + hours); }

  EventLoop loop;
  TimerWheel wheel{loop.now()};
  ErrorPolicy errors;
  UserTimers timers{loop, wheel, errors, 3};
};

TEST_F(UserTimersTest, the_longest_delay_is_a_year) {
  int calls = 0;
  timers.add(milliseconds::max(), 0ms, [&] { ++calls; });
  advance(364 * day);
  EXPECT_EQ(calls, 0);
  advance(366 * day);
  EXPECT_EQ(calls, 1);
}

TEST_F(UserTimersTest, the_longest_interval_is_a_year) {
  int calls = 0;
  timers.add(milliseconds::max(), milliseconds::max(), [&] { ++calls; });
  advance(366 * day);
  EXPECT_EQ(calls, 1);
  advance(729 * day);
  EXPECT_EQ(calls, 1);
  advance(731 * day);
  EXPECT_EQ(calls, 2);
}

TEST_F(UserTimersTest, a_negative_delay_is_over) {
  int calls = 0;
  timers.add(milliseconds::min(), 0ms, [&] { ++calls; });
  advance(1h);
  EXPECT_EQ(calls, 1);
}

TEST_F(UserTimersTest, there_is_room_for_a_number_of_timers_at_a_time) {
  std::vector<std::uint64_t> ids;
  for (int i = 0; i < 3; ++i) ids.push_back(timers.add(1h, 0ms, [] {}));
  EXPECT_THROW(timers.add(1h, 0ms, [] {}), std::length_error);
  timers.cancel(ids[1]);
  int calls = 0;
  timers.add(1h, 0ms, [&] { ++calls; });
  EXPECT_THROW(timers.add(1h, 0ms, [] {}), std::length_error);
  advance(2h);
  EXPECT_EQ(calls, 1);
}

TEST_F(UserTimersTest, missed_calls_are_left_out_however_many) {
  const EventLoop::TimePoint due = loop.now();
  EXPECT_EQ(UserTimers::next_call(due, 10ms, due - 1ns), due + 10ms);
  EXPECT_EQ(UserTimers::next_call(due, 10ms, due), due + 10ms);
  EXPECT_EQ(UserTimers::next_call(due, 10ms, due + 10ms - 1ns), due + 10ms);
  EXPECT_EQ(UserTimers::next_call(due, 10ms, due + 10ms), due + 20ms);
  EXPECT_EQ(UserTimers::next_call(due, 1ms, due + 365 * day), due + 365 * day + 1ms);
}

}  // namespace
}  // namespace prefork::internal
