// SPDX-License-Identifier: MIT
#include "base/decimal.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(Decimal, is_taken_off_the_front_and_leaves_the_rest) {
  std::string_view text = "12.050x";
  const Result<Decimal> number = take_decimal(text);
  ASSERT_TRUE(number);
  EXPECT_EQ(number->whole, 12U);
  EXPECT_EQ(number->fraction, 50U);
  EXPECT_EQ(number->scale, 1000U);
  EXPECT_EQ(text, "x");
}

TEST(Decimal, multiplies_exactly_or_says_that_it_rounded_down) {
  const auto exact = multiply({1, 5, 10}, 1000);
  ASSERT_TRUE(exact);
  EXPECT_EQ(exact->value, 1500U);
  EXPECT_TRUE(exact->exact);
  const auto rounded = multiply({1, 1, 10}, 1024);
  ASSERT_TRUE(rounded);
  EXPECT_EQ(rounded->value, 1126U);
  EXPECT_FALSE(rounded->exact);
}

TEST(Decimal, a_product_above_the_signed_range_is_none) {
  EXPECT_TRUE(multiply({9223372036854775807U, 0, 1}, 1));
  EXPECT_FALSE(multiply({9223372036854775808U, 0, 1}, 1));
  EXPECT_FALSE(multiply({18446744073709551615U, 999999, 1000000}, (1ULL << 43) - 1));
}

}  // namespace
}  // namespace preforkd
