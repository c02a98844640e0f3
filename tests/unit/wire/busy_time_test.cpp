// SPDX-License-Identifier: MIT
#include "wire/busy_time.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

TEST(BusyTime, grows_only_while_the_worker_is_busy) {
  const std::uint64_t rests = rests_with(seconds(3));
  EXPECT_EQ(busy_time(rests, seconds(1000)), seconds(3));
  EXPECT_EQ(busy_time(rests, seconds(2000)), seconds(3));
  const std::uint64_t busy = busy_with(seconds(3), seconds(1000));
  EXPECT_EQ(busy_time(busy, seconds(1000)), seconds(3));
  EXPECT_EQ(busy_time(busy, seconds(1000) + microseconds(7)), seconds(3) + microseconds(7));
}

TEST(BusyTime, is_nothing_in_an_empty_page) { EXPECT_EQ(busy_time(0, seconds(1000)), seconds(0)); }

TEST(BusyTime, holds_more_time_than_a_machine_runs) {
  const auto years = seconds(std::int64_t{100} * 365 * 86400);
  EXPECT_EQ(busy_time(busy_with(years, years), years + seconds(1)), years + seconds(1));
  EXPECT_EQ(busy_time(busy_with(seconds(0), years), years + seconds(1)), seconds(1));
}

}  // namespace
}  // namespace preforkd
