// SPDX-License-Identifier: MIT
#include "agent/busy_shares.hpp"

#include <gtest/gtest.h>

namespace preforkd::agent {
namespace {

using std::chrono::milliseconds;

class BusySharesTest : public testing::Test {
 protected:
  // The share at a time, when the two workers of a pool have been busy for so long since it started.
  unsigned at(milliseconds time, milliseconds busy, const std::string& name = "echo") {
    PoolSnapshot pool;
    pool.ready_workers = 2;
    pool.busy_us = static_cast<std::uint64_t>(busy.count()) * 1000;
    return shares_.share(name, pool, BusyShares::Time(time));
  }

 private:
  BusyShares shares_;
};

TEST_F(BusySharesTest, are_those_of_the_time_between_two_questions) {
  EXPECT_EQ(at(milliseconds(0), milliseconds(900'000)), 0U) << "the first one";
  EXPECT_EQ(at(milliseconds(2000), milliseconds(901'000)), 25U);
  EXPECT_EQ(at(milliseconds(4000), milliseconds(905'000)), 100U);
  EXPECT_EQ(at(milliseconds(6000), milliseconds(905'000)), 0U);
}

TEST_F(BusySharesTest, of_a_question_soon_after_another_are_the_same) {
  EXPECT_EQ(at(milliseconds(0), milliseconds(0)), 0U);
  EXPECT_EQ(at(milliseconds(500), milliseconds(1000)), 0U);
  EXPECT_EQ(at(milliseconds(1000), milliseconds(1000)), 50U);
  EXPECT_EQ(at(milliseconds(1500), milliseconds(2000)), 50U);
}

TEST_F(BusySharesTest, are_of_each_pool) {
  EXPECT_EQ(at(milliseconds(0), milliseconds(0)), 0U);
  EXPECT_EQ(at(milliseconds(0), milliseconds(0), "other"), 0U);
  EXPECT_EQ(at(milliseconds(1000), milliseconds(2000)), 100U);
  EXPECT_EQ(at(milliseconds(1000), milliseconds(0), "other"), 0U);
}

TEST_F(BusySharesTest, bear_counters_that_begin_again_and_that_are_nonsense) {
  EXPECT_EQ(at(milliseconds(0), milliseconds(5000)), 0U);
  EXPECT_EQ(at(milliseconds(1000), milliseconds(10)), 0U);
  EXPECT_EQ(at(milliseconds(2000), milliseconds(1'000'000'000)), 100U);
}

}  // namespace
}  // namespace preforkd::agent
