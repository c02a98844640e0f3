// SPDX-License-Identifier: MIT
#include "master/pool/worker_target.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

PoolConfig with(WorkerCount workers, bool scale = false) {
  PoolConfig config;
  config.workers = workers;
  if (scale) config.scale.emplace();
  return config;
}

TEST(WorkerTargetTest, a_plain_number_is_meant) {
  EXPECT_EQ(target_after(with({2, 2, 2}), with({5, 5, 5}), 2), 5U);
  EXPECT_EQ(target_after(with({5, 5, 5}), with({2, 2, 2}), 5), 2U);
}

TEST(WorkerTargetTest, what_an_operator_has_set_stays_within_the_new_limits) {
  EXPECT_EQ(target_after(with({1, 1, 8}), with({1, 1, 16}), 6), 6U);
  EXPECT_EQ(target_after(with({1, 1, 8}), with({2, 2, 4}), 6), 4U);
  EXPECT_EQ(target_after(with({1, 1, 8}), with({7, 7, 9}), 6), 7U);
  EXPECT_EQ(target_after(with({2, 2, 2}), with({1, 1, 4}), 2), 2U);
}

TEST(WorkerTargetTest, another_number_to_begin_with_is_meant) {
  EXPECT_EQ(target_after(with({3, 1, 8}), with({4, 1, 8}), 6), 4U);
  EXPECT_EQ(target_after(with({3, 1, 8}), with({3, 1, 9}), 6), 6U);
}

TEST(WorkerTargetTest, a_load_that_decides_goes_on_from_the_present_number) {
  EXPECT_EQ(target_after(with({3, 1, 8}), with({4, 1, 8}, true), 6), 6U);
  EXPECT_EQ(target_after(with({3, 1, 8}, true), with({4, 1, 5}, true), 6), 5U);
  EXPECT_EQ(target_after(with({0, 0, 8}, true), with({0, 0, 9}, true), 0), 0U);
}

TEST(WorkerTargetTest, a_number_that_the_load_has_set_does_not_stay_when_it_no_longer_decides) {
  EXPECT_EQ(target_after(with({2, 1, 8}, true), with({2, 1, 8}), 6), 2U);
  EXPECT_EQ(target_after(with({0, 0, 8}, true), with({3, 3, 3}), 0), 3U);
}

}  // namespace
}  // namespace preforkd
