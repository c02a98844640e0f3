// SPDX-License-Identifier: MIT
#include "base/counted.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(CountedTest, only_one_is_singular) {
  EXPECT_EQ(counted(0, "worker"), "0 workers");
  EXPECT_EQ(counted(1, "worker"), "1 worker");
  EXPECT_EQ(counted(2, "more worker"), "2 more workers");
}

TEST(CountedTest, a_noun_that_hisses_gets_a_syllable_more) {
  EXPECT_EQ(counted(0, "crash"), "0 crashes");
  EXPECT_EQ(counted(1, "crash"), "1 crash");
  EXPECT_EQ(counted(18'446'744'073'709'551'615U, "class"), "18446744073709551615 classes");
}

}  // namespace
}  // namespace preforkd
