// SPDX-License-Identifier: MIT
#include "ctl/output/human.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>

namespace preforkd::ctl {
namespace {

using namespace std::chrono_literals;

TEST(Human, bytes_have_one_digit_after_the_point) {
  EXPECT_EQ(human_bytes(0), "0B");
  EXPECT_EQ(human_bytes(1023), "1023B");
  EXPECT_EQ(human_bytes(1024), "1.0K");
  EXPECT_EQ(human_bytes(3'400'000), "3.2M");
  EXPECT_EQ(human_bytes(1024 * 1024 - 1), "1.0M") << "never 1024.0K";
  EXPECT_EQ(human_bytes(UINT64_MAX), "16.0E");
}

TEST(Human, spans_have_their_two_largest_units) {
  EXPECT_EQ(human_span(0s), "0s");
  EXPECT_EQ(human_span(-5s), "0s");
  EXPECT_EQ(human_span(250ms), "250ms");
  EXPECT_EQ(human_span(59s + 900ms), "59s");
  EXPECT_EQ(human_span(60s), "1min");
  EXPECT_EQ(human_span(3723s), "1h 2min");
  EXPECT_EQ(human_span(3603s), "1h");
  EXPECT_EQ(human_span(50h), "2d 2h");
}

TEST(Human, seconds_are_spans_with_tenths) {
  EXPECT_EQ(human_seconds(250ms), "250ms");
  EXPECT_EQ(human_seconds(1240ms), "1.2s");
  EXPECT_EQ(human_seconds(3723s), "1h 2min");
}

TEST(Human, ages_are_never_negative_and_never_is_nothing) {
  EXPECT_EQ(human_age(0, 5), "");
  EXPECT_EQ(human_age(10'000'000, 9'000'000), "0s") << "clocks of two machines differ";
  EXPECT_EQ(human_age(10'000'000, 12'000'000), "2s");
}

TEST(Human, spans_and_times_that_nothing_comes_to_are_no_negative_ones) {
  EXPECT_EQ(human_age(1, UINT64_MAX), "106751991d 4h");
  EXPECT_EQ(human_span(span_of(UINT64_MAX)), "106751991d 4h");
  EXPECT_EQ(human_span(span_of(1'000'000)), "1s");
  EXPECT_FALSE(human_time(UINT64_MAX).empty());
}

TEST(Human, rates_show_small_ones_exactly) {
  EXPECT_EQ(human_rate(0), "0.0/s");
  EXPECT_EQ(human_rate(3.14), "3.1/s");
  EXPECT_EQ(human_rate(1234.5), "1234/s");
}

TEST(Human, times_are_local) {
  const char* const before = std::getenv("TZ");
  const std::string zone = before != nullptr ? before : "";
  ::setenv("TZ", "UTC", 1);
  ::tzset();
  EXPECT_EQ(human_time(1'700'000'000'123'456), "Tue 2023-11-14 22:13:20 UTC");
  EXPECT_EQ(clock_time(1'700'000'000'123'456), "22:13:20.123");
  if (before != nullptr) {
    ::setenv("TZ", zone.c_str(), 1);
  } else {
    ::unsetenv("TZ");
  }
  ::tzset();
}

}  // namespace
}  // namespace preforkd::ctl
