// SPDX-License-Identifier: MIT
#include "client/bench/histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace preforkd::client {
namespace {

TEST(HistogramTest, is_zero_while_empty) {
  const Histogram histogram;
  EXPECT_EQ(histogram.count(), 0u);
  EXPECT_EQ(histogram.min(), 0u);
  EXPECT_EQ(histogram.max(), 0u);
  EXPECT_EQ(histogram.percentile(50), 0u);
  EXPECT_EQ(histogram.mean(), 0);
}

TEST(HistogramTest, is_exact_for_small_values) {
  Histogram histogram;
  for (std::uint64_t value = 1; value <= 100; ++value) histogram.record(value);
  EXPECT_EQ(histogram.percentile(0), 1u);
  EXPECT_EQ(histogram.percentile(50), 50u);
  EXPECT_EQ(histogram.percentile(99), 99u);
  EXPECT_EQ(histogram.percentile(100), 100u);
  EXPECT_DOUBLE_EQ(histogram.mean(), 50.5);
}

TEST(HistogramTest, gives_a_single_value_at_every_percentile) {
  for (const std::uint64_t value :
       {0ull, 127ull, 128ull, 129ull, 255ull, 256ull, 123456789ull, 1ull << 62, (1ull << 63) - 1}) {
    Histogram histogram;
    histogram.record(value);
    for (const double percent : {0.0, 50.0, 99.9, 100.0}) EXPECT_EQ(histogram.percentile(percent), value);
  }
}

TEST(HistogramTest, takes_the_largest_value_there_is) {
  Histogram histogram;
  histogram.record(1);
  histogram.record(UINT64_MAX);
  EXPECT_EQ(histogram.max(), UINT64_MAX);
  EXPECT_EQ(histogram.percentile(100), UINT64_MAX);
  EXPECT_EQ(histogram.percentile(50), 1u);
}

TEST(HistogramTest, is_never_low_and_less_than_one_percent_high) {
  std::mt19937_64 random(1);
  std::lognormal_distribution<double> times(11, 2);
  Histogram histogram;
  std::vector<std::uint64_t> values;
  for (int i = 0; i < 20000; ++i) {
    values.push_back(static_cast<std::uint64_t>(times(random)));
    histogram.record(values.back());
  }
  std::sort(values.begin(), values.end());
  for (const double percent : {1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99}) {
    const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(values.size())));
    const auto exact = static_cast<double>(values[rank - 1]);
    const auto measured = static_cast<double>(histogram.percentile(percent));
    EXPECT_GE(measured, exact) << percent;
    EXPECT_LE(measured, exact * 1.008 + 1) << percent;
  }
}

}  // namespace
}  // namespace preforkd::client
