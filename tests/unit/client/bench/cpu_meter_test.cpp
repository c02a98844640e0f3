// SPDX-License-Identifier: MIT
#include "client/bench/cpu_meter.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

TEST(CpuMeterTest, sees_what_a_process_uses) {
  const nanoseconds before = cpu_time_of({getpid()});
  const nanoseconds began = monotonic_now();
  while (cpu_time_of({getpid()}) - before < 5ms) ASSERT_LT(monotonic_now() - began, 30s);
  EXPECT_GT(before, 0ns);
}

TEST(CpuMeterTest, counts_a_process_that_is_not_there_as_nothing) {
  EXPECT_EQ(cpu_time_of({}), 0ns);
  EXPECT_EQ(cpu_time_of({4194304}), 0ns);
}

}  // namespace
}  // namespace preforkd::client
