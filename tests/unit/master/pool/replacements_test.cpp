// SPDX-License-Identifier: MIT
#include "master/pool/replacements.hpp"

#include <set>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

class ReplacementsTest : public PoolTest {
 protected:
  void measure_all(std::uint64_t requests, std::optional<std::uint64_t> memory) {
    for (const WorkerView& worker : pool->workers()) pool->worker_measured(worker.id, requests, memory);
  }
  [[nodiscard]] std::size_t candidates() const {
    std::size_t found = 0;
    for (unsigned slot = 0; slot < pool->target(); ++slot) found += staying(slot).size() > 1 ? 1 : 0;
    return found;
  }
};

TEST_F(ReplacementsTest, AWorkerIsRecycledOnlyOnceItsReplacementIsReady) {
  start_ready();
  const WorkerId old = worker(1).id;
  EXPECT_TRUE(pool->recycle(1));
  ASSERT_EQ(staying(1).size(), 2U);
  EXPECT_TRUE(signals(old).empty());
  ready_all();
  EXPECT_EQ(signals(old), std::vector{SIGTERM});
  EXPECT_EQ(pool->ready_count(), 3U);
  end(old, exited(0));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::operator_request);
  EXPECT_FALSE(observer.exited.back().failed);
}

TEST_F(ReplacementsTest, RequestsAndMemoryAboveTheirLimitsRecycle) {
  config.recycle.requests = 1000;
  config.recycle.memory = 1 << 20;
  config.recycle.jitter = 0;
  start_ready();
  measure_all(999, (1 << 20) - 1);
  EXPECT_EQ(candidates(), 0U);
  pool->worker_measured(worker(0).id, 1000, std::nullopt);
  EXPECT_EQ(staying(0).size(), 2U);
  ready_all();
  let_leave();
  EXPECT_EQ(observer.exited.back().cause, ExitCause::recycled);
  pool->worker_measured(worker(2).id, 1, 1 << 20);
  EXPECT_EQ(staying(2).size(), 2U);
}

TEST_F(ReplacementsTest, NeverMoreThanTheBudgetAtATimeUntilTheOldOnesAreGone) {
  config.workers.initial = 8;
  config.recycle.requests = 10;
  config.recycle.at_most = 2;
  config.reload.max_surge = 8U;
  start_ready();
  measure_all(1000, std::nullopt);
  EXPECT_EQ(candidates(), 2U);
  ready_all();
  EXPECT_EQ(candidates(), 0U) << "two drain: they are in the budget until they have gone";
  let_leave();
  EXPECT_EQ(candidates(), 2U);
  for (int turn = 0; turn < 4; ++turn) {
    EXPECT_LE(pool->draining_count(), 2U);
    ready_all();
    let_leave();
  }
  EXPECT_EQ(observer.exited.size(), 8U);
}

TEST_F(ReplacementsTest, AgesAreSpreadByJitterAndNeverExceedTheLimit) {
  config.workers.initial = 10;
  config.recycle.age = hours(1);
  config.recycle.jitter = 0.5;
  config.recycle.at_most = 10;
  config.reload.max_surge = 10U;
  start_ready();
  const Instant ready_at = clock.now();
  std::set<Instant> times;
  while (launcher.started.size() < 20) {
    clock.advance_to(pool->next_deadline().value());
    pool->tick();
    if (launcher.started.size() > 10 + times.size()) times.insert(clock.now());
    for (const WorkerView& worker : pool->workers()) {
      if (worker.started_at > ready_at && worker.state == WorkerState::starting) pool->worker_ready(worker.id);
    }
    let_leave();
  }
  EXPECT_EQ(times.size(), 10U) << "each at a time of its own";
  EXPECT_GE(*times.begin(), ready_at + minutes(30));
  EXPECT_LE(*times.rbegin(), ready_at + hours(1));
}

TEST_F(ReplacementsTest, AReplacementThatFailsLeavesTheWorkerInPeaceAndIsTriedAgain) {
  config.restart.max_delay = seconds(5);
  start_ready();
  const WorkerId old = worker(0).id;
  EXPECT_TRUE(pool->recycle(0));
  for (int turn = 0; turn < 5; ++turn) {
    pass(config.restart.max_delay);
    ASSERT_EQ(staying(0).size(), 2U);
    end(staying(0).back().id, exited(1));
    EXPECT_TRUE(signals(old).empty());
    EXPECT_EQ(pool->ready_count(), 3U);
    EXPECT_EQ(pool->state(), PoolState::running);
  }
  pass(config.restart.max_delay);
  ready_all();
  EXPECT_EQ(signals(old), std::vector{SIGTERM});
}

TEST_F(ReplacementsTest, AFailedForkOfAReplacementIsTriedAgain) {
  start_ready();
  launcher.fail_next = 2;
  EXPECT_TRUE(pool->recycle(0));
  EXPECT_EQ(staying(0).size(), 1U);
  pass(seconds(1));
  EXPECT_EQ(staying(0).size(), 2U);
}

TEST_F(ReplacementsTest, AReplacementOnItsWayTakesOverWhenItsWorkerCrashes) {
  start_ready();
  EXPECT_TRUE(pool->recycle(0));
  const WorkerId next = staying(0).back().id;
  end(staying(0).front().id, signaled(SIGSEGV));
  EXPECT_EQ(worker(0).id, next);
  EXPECT_EQ(launcher.started.size(), 4U);
  ready_all();
  EXPECT_EQ(pool->state(), PoolState::running);
  EXPECT_TRUE(pool->recycle(1));
  EXPECT_EQ(staying(1).size(), 2U) << "the budget is free again";
}

TEST_F(ReplacementsTest, WishesWaitForAReloadAndAreFulfilledByIt) {
  start_ready();
  reload();
  for (unsigned slot = 0; slot < 3; ++slot) EXPECT_TRUE(pool->recycle(slot));
  settle();
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(launcher.started.size(), 6U) << "nobody is replaced twice";
}

TEST_F(ReplacementsTest, AReloadCallsOffReplacementsOfTheOldGeneration) {
  start_ready();
  EXPECT_TRUE(pool->recycle(2));
  const WorkerId called_off = staying(2).back().id;
  reload();
  EXPECT_EQ(signals(called_off), std::vector{SIGTERM});
  settle();
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(ReplacementsTest, WishesOutliveAFailedReload) {
  start_ready();
  EXPECT_TRUE(pool->recycle(2));
  reload();
  end(staying(0).back().id, exited(1));
  EXPECT_EQ(staying(2).size(), 2U);
  EXPECT_EQ(staying(2).back().generation, 1U);
}

TEST_F(ReplacementsTest, AWishIsNotLostWhenItsBackoffEndsDuringAReloadThatFails) {
  config.reload.soak = seconds(9);
  start_ready();
  EXPECT_TRUE(pool->recycle(0));
  for (int crash = 0; crash < 2; ++crash) end(staying(0).back().id, exited(1));
  ASSERT_EQ(staying(0).size(), 1U) << "in backoff";
  reload();
  ready_all();
  pass(seconds(5));
  end(staying(0).back().id, exited(1));
  ASSERT_EQ(observer.reloads.size(), 1U);
  ASSERT_EQ(staying(0).size(), 2U);
  EXPECT_EQ(staying(0).back().generation, 1U);
}

TEST_F(ReplacementsTest, NoSlotNoRecycling) {
  start_ready();
  EXPECT_FALSE(pool->recycle(3));
  EXPECT_TRUE(pool->resize(2));
  EXPECT_FALSE(pool->recycle(2));
}

}  // namespace
}  // namespace preforkd
