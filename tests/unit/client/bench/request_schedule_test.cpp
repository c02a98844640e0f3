// SPDX-License-Identifier: MIT
#include "client/bench/request_schedule.hpp"

#include <gtest/gtest.h>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

TEST(RequestScheduleTest, without_a_rate_every_time_is_right) {
  RequestSchedule schedule(0, 0);
  schedule.begin(5s);
  EXPECT_FALSE(schedule.paced());
  for (int i = 0; i < 3; ++i) {
    EXPECT_TRUE(schedule.is_due(7s));
    EXPECT_EQ(schedule.take(7s), 7s);
  }
  EXPECT_FALSE(schedule.spent());
}

TEST(RequestScheduleTest, spreads_evenly_and_a_late_one_counts_from_when_it_was_due) {
  RequestSchedule schedule(4, 0);
  schedule.begin(10s);
  EXPECT_TRUE(schedule.is_due(10s));
  EXPECT_EQ(schedule.take(10s), 10s);
  EXPECT_FALSE(schedule.is_due(10s + 249ms));
  EXPECT_EQ(schedule.next_due(), 10s + 250ms);
  EXPECT_TRUE(schedule.is_due(11s));
  EXPECT_EQ(schedule.take(11s), 10s + 250ms);
  EXPECT_EQ(schedule.take(11s), 10s + 500ms);
}

TEST(RequestScheduleTest, ends_after_its_number) {
  RequestSchedule schedule(0, 2);
  schedule.begin(0s);
  static_cast<void>(schedule.take(1s));
  EXPECT_FALSE(schedule.spent());
  static_cast<void>(schedule.take(1s));
  EXPECT_TRUE(schedule.spent());
  EXPECT_FALSE(schedule.is_due(2s));
}

}  // namespace
}  // namespace preforkd::client
