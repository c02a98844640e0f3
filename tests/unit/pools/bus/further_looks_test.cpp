// SPDX-License-Identifier: MIT
#include "pools/bus/further_looks.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(FurtherLooks, end_after_their_number_without_a_last_wait) {
  const auto begin = std::chrono::steady_clock::now();
  FurtherLooks looks(2);
  EXPECT_TRUE(looks.wait());
  EXPECT_TRUE(looks.wait());
  const auto waited = std::chrono::steady_clock::now() - begin;
  EXPECT_GE(waited, std::chrono::milliseconds(200));
  EXPECT_FALSE(looks.wait());
  EXPECT_FALSE(looks.wait());
}

TEST(FurtherLooks, there_may_be_none) { EXPECT_FALSE(FurtherLooks(0).wait()); }

}  // namespace
}  // namespace preforkd
