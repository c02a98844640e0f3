// SPDX-License-Identifier: MIT
#include "master/report/failed_start.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using std::chrono::seconds;

TEST(FailedStart, lingers_longer_each_time_from_the_second_on_up_to_half_a_minute) {
  EXPECT_EQ(time_to_linger(1), seconds(0));
  EXPECT_EQ(time_to_linger(2), seconds(1));
  EXPECT_EQ(time_to_linger(3), seconds(2));
  EXPECT_EQ(time_to_linger(6), seconds(16));
  EXPECT_EQ(time_to_linger(7), seconds(30));
  EXPECT_EQ(time_to_linger(1000), seconds(30));
}

}  // namespace
}  // namespace preforkd
