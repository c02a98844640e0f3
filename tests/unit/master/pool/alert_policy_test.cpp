// SPDX-License-Identifier: MIT
#include "master/pool/alert_policy.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using Step = AlertPolicy::Step;

class Alert : public testing::Test {
 protected:
  Step look(PoolState state, unsigned ready) { return policy.look(state, ready, 3, now); }
  Step pass(Duration time, PoolState state, unsigned ready) {
    now += time;
    return look(state, ready);
  }

  Instant now{hours(1)};
  AlertPolicy policy{seconds(30), false};
};

TEST_F(Alert, is_due_once_when_the_pool_was_degraded_for_the_time) {
  EXPECT_EQ(look(PoolState::running, 3), Step::nothing);
  EXPECT_EQ(policy.next(), std::nullopt);
  EXPECT_EQ(look(PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(policy.next(), now + seconds(30));
  EXPECT_EQ(pass(seconds(29), PoolState::degraded, 0), Step::nothing);
  EXPECT_EQ(pass(seconds(1), PoolState::degraded, 0), Step::raise);
  EXPECT_EQ(policy.next(), std::nullopt);
  EXPECT_EQ(pass(hours(1), PoolState::degraded, 0), Step::nothing);
}

TEST_F(Alert, is_due_for_a_pool_without_a_ready_worker_whatever_its_state) {
  for (const PoolState state : {PoolState::running, PoolState::reloading}) {
    policy = AlertPolicy(seconds(30), false);
    EXPECT_EQ(look(state, 0), Step::nothing);
    EXPECT_EQ(pass(seconds(30), state, 0), Step::raise);
  }
}

TEST_F(Alert, is_not_due_for_a_pool_that_should_have_no_worker) {
  for (const Duration time : {seconds(0), seconds(30), seconds(3600)}) {
    now += time;
    EXPECT_EQ(policy.look(PoolState::running, 0, 0, now), Step::nothing);
    EXPECT_EQ(policy.next(), std::nullopt);
  }
}

TEST_F(Alert, is_not_due_while_a_pool_starts_or_stops) {
  for (const PoolState state : {PoolState::starting, PoolState::stopping}) {
    EXPECT_EQ(look(state, 0), Step::nothing);
    EXPECT_EQ(pass(hours(1), state, 0), Step::nothing);
    EXPECT_EQ(policy.next(), std::nullopt);
  }
}

TEST_F(Alert, is_not_due_for_trouble_that_passes) {
  EXPECT_EQ(look(PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(20), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(policy.next(), std::nullopt);
  EXPECT_EQ(pass(seconds(30), PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(29), PoolState::degraded, 2), Step::nothing);
}

TEST_F(Alert, is_due_for_workers_that_fail_again_and_again_and_serve_in_between) {
  EXPECT_EQ(look(PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(2), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(pass(seconds(20), PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(2), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(pass(seconds(20), PoolState::degraded, 2), Step::raise);
  EXPECT_EQ(pass(seconds(2), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(pass(seconds(20), PoolState::degraded, 2), Step::nothing);
}

TEST_F(Alert, is_over_when_the_pool_was_whole_for_the_time_and_may_come_again) {
  EXPECT_EQ(look(PoolState::degraded, 0), Step::nothing);
  EXPECT_EQ(pass(seconds(30), PoolState::degraded, 0), Step::raise);
  EXPECT_EQ(pass(seconds(5), PoolState::reloading, 2), Step::nothing);
  EXPECT_EQ(pass(hours(1), PoolState::reloading, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(5), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(policy.next(), now + seconds(30));
  EXPECT_EQ(pass(seconds(30), PoolState::running, 3), Step::clear);
  EXPECT_EQ(policy.next(), std::nullopt);
  EXPECT_EQ(pass(seconds(5), PoolState::degraded, 2), Step::nothing);
  EXPECT_EQ(pass(seconds(30), PoolState::degraded, 2), Step::raise);
}

TEST_F(Alert, that_is_over_by_the_time_of_the_next_trouble_is_cleared_first) {
  policy = AlertPolicy(seconds(30), true);
  EXPECT_EQ(look(PoolState::running, 3), Step::nothing);
  EXPECT_EQ(pass(seconds(40), PoolState::degraded, 2), Step::clear);
  EXPECT_EQ(policy.next(), now + seconds(30));
}

TEST_F(Alert, of_a_master_before_ends_in_this_one) {
  policy = AlertPolicy(seconds(30), true);
  EXPECT_EQ(look(PoolState::starting, 0), Step::nothing);
  EXPECT_EQ(pass(hours(1), PoolState::degraded, 0), Step::nothing);
  EXPECT_EQ(pass(hours(1), PoolState::running, 3), Step::nothing);
  EXPECT_EQ(pass(seconds(30), PoolState::running, 3), Step::clear);
}

TEST_F(Alert, that_is_turned_off_ends_at_once_and_does_not_come) {
  policy = AlertPolicy(seconds(30), true);
  policy.set_after(std::nullopt);
  EXPECT_EQ(look(PoolState::degraded, 0), Step::clear);
  EXPECT_EQ(pass(hours(1), PoolState::degraded, 0), Step::nothing);
  EXPECT_EQ(policy.next(), std::nullopt);
}

}  // namespace
}  // namespace preforkd
