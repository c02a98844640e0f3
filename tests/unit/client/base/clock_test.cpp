// SPDX-License-Identifier: MIT
#include "client/base/clock.hpp"

#include <gtest/gtest.h>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

TEST(ClockTest, never_goes_back) {
  const nanoseconds first = monotonic_now();
  EXPECT_GE(monotonic_now(), first);
}

TEST(ClockTest, rounds_a_wait_up_so_that_it_is_never_too_short) {
  EXPECT_EQ(poll_timeout(monotonic_now() - 1s), 0);
  EXPECT_EQ(poll_timeout(monotonic_now() + 100us), 1);
  EXPECT_GT(poll_timeout(monotonic_now() + 24h * 365 * 10), 0);
}

}  // namespace
}  // namespace preforkd::client
