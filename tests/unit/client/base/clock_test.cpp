// SPDX-License-Identifier: MIT
#include "client/base/clock.hpp"

#include <gtest/gtest.h>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

TEST(ClockTest, NeverGoesBack) {
  const nanoseconds first = monotonic_now();
  EXPECT_GE(monotonic_now(), first);
}

TEST(ClockTest, RoundsAWaitUpSoThatItIsNeverTooShort) {
  EXPECT_EQ(poll_timeout(monotonic_now() - 1s), 0);
  EXPECT_EQ(poll_timeout(monotonic_now() + 100us), 1);
  EXPECT_GT(poll_timeout(monotonic_now() + 24h * 365 * 10), 0);
}

}  // namespace
}  // namespace preforkd::client
