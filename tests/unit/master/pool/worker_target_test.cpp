// SPDX-License-Identifier: MIT
#include "master/pool/worker_target.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

TEST(WorkerTargetTest, a_plain_number_is_meant) {
  EXPECT_EQ(target_after({2, 2, 2}, {5, 5, 5}, 2), 5U);
  EXPECT_EQ(target_after({5, 5, 5}, {2, 2, 2}, 5), 2U);
}

TEST(WorkerTargetTest, what_an_operator_has_set_stays_within_the_new_limits) {
  EXPECT_EQ(target_after({1, 1, 8}, {1, 1, 16}, 6), 6U);
  EXPECT_EQ(target_after({1, 1, 8}, {2, 2, 4}, 6), 4U);
  EXPECT_EQ(target_after({1, 1, 8}, {7, 7, 9}, 6), 7U);
  EXPECT_EQ(target_after({2, 2, 2}, {1, 1, 4}, 2), 2U);
}

TEST(WorkerTargetTest, another_number_to_begin_with_is_meant) {
  EXPECT_EQ(target_after({3, 1, 8}, {4, 1, 8}, 6), 4U);
  EXPECT_EQ(target_after({3, 1, 8}, {3, 1, 9}, 6), 6U);
}

}  // namespace
}  // namespace preforkd
