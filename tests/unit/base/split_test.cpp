// SPDX-License-Identifier: MIT
#include "base/split.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace preforkd {
namespace {

using ::testing::ElementsAre;

TEST(Split, keeps_empty_parts) {
  EXPECT_THAT(split("a,bc", ','), ElementsAre("a", "bc"));
  EXPECT_THAT(split(",a,,b,", ','), ElementsAre("", "a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("a:b", ','), ElementsAre("a:b"));
}

}  // namespace
}  // namespace preforkd
