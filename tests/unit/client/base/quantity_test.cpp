// SPDX-License-Identifier: MIT
#include "client/base/quantity.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace preforkd::client {
namespace {

using namespace std::chrono_literals;

TEST(QuantityTest, ReadsSpansInEachUnit) {
  EXPECT_EQ(parse_span("0.5s"), 500ms);
  EXPECT_EQ(parse_span("200ms"), 200ms);
  EXPECT_EQ(parse_span("7us"), 7us);
  EXPECT_EQ(parse_span("1.5min"), 90s);
  EXPECT_EQ(parse_span("2h"), 2h);
  EXPECT_EQ(parse_span("0s"), 0s);
}

TEST(QuantityTest, RefusesSpansThatWouldBeGuesses) {
  for (const char* text :
       {"", "5", "s", "-1s", "-0s", "1 s", "1sec", "1s1s", "nan", "infs", "1e3s", "99999999999999999h"}) {
    EXPECT_THROW((void)parse_span(text), std::invalid_argument) << text;
  }
}

TEST(QuantityTest, SaysThatASpanNeedsAUnit) {
  try {
    (void)parse_span("5");
    FAIL();
  } catch (const std::invalid_argument& error) {
    EXPECT_STREQ(error.what(), "'5': needs a unit: us, ms, s, min or h");
  }
}

TEST(QuantityTest, ReadsSizesInPowersOf1024) {
  EXPECT_EQ(parse_size("100"), 100u);
  EXPECT_EQ(parse_size("64K"), 65536u);
  EXPECT_EQ(parse_size("1.5M"), 1572864u);
  EXPECT_EQ(parse_size("1G"), 1073741824u);
  for (const char* text : {"", "K", "1KB", "2G", "-1", "1k"}) {
    EXPECT_THROW((void)parse_size(text), std::invalid_argument) << text;
  }
}

TEST(QuantityTest, KeepsNumbersWithinTheirRange) {
  EXPECT_EQ(parse_number("1", 1, 10), 1u);
  EXPECT_EQ(parse_number("10", 1, 10), 10u);
  for (const char* text : {"", "0", "11", "1.0", "+1", "-1", "1x", "99999999999999999999999"}) {
    EXPECT_THROW((void)parse_number(text, 1, 10), std::invalid_argument) << text;
  }
}

}  // namespace
}  // namespace preforkd::client
