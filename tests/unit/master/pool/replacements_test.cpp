// SPDX-License-Identifier: MIT
#include "master/pool/replacements.hpp"

#include <set>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

class ReplacementsTest : public PoolTest {
 protected:
  void measure_all(std::uint64_t requests, std::optional<std::uint64_t> memory) {
    for (const WorkerView& worker : pool->workers()) pool->step(event::WorkerMeasured{worker.id, requests, memory});
  }
  [[nodiscard]] std::size_t candidates() const {
    std::size_t found = 0;
    for (unsigned slot = 0; slot < pool->target(); ++slot) found += staying(slot).size() > 1 ? 1 : 0;
    return found;
  }
};

TEST_F(ReplacementsTest, requests_and_memory_above_their_limits_recycle) {
  config.recycle.requests = 1000;
  config.recycle.memory = 1 << 20;
  config.recycle.jitter = 0;
  start_ready();
  measure_all(999, (1 << 20) - 1);
  EXPECT_EQ(candidates(), 0U);
  pool->step(event::WorkerMeasured{worker(0).id, 1000, std::nullopt});
  EXPECT_EQ(staying(0).size(), 2U);
  ready_all();
  let_leave();
  EXPECT_EQ(observer.exited.back().cause, ExitCause::recycled);
  pool->step(event::WorkerMeasured{worker(2).id, 1, 1 << 20});
  EXPECT_EQ(staying(2).size(), 2U);
}

TEST_F(ReplacementsTest, never_more_than_the_budget_at_a_time_until_the_old_ones_are_gone) {
  config.workers.initial = 8;
  config.recycle.requests = 10;
  config.recycle.at_most = 2;
  config.reload.max_surge = 8U;
  start_ready();
  measure_all(1000, std::nullopt);
  EXPECT_EQ(candidates(), 2U);
  ready_all();
  EXPECT_EQ(candidates(), 0U) << "two drain: they count for at_most until they have ended";
  let_leave();
  EXPECT_EQ(candidates(), 2U);
  for (int turn = 0; turn < 4; ++turn) {
    EXPECT_LE(pool->draining_count(), 2U);
    ready_all();
    let_leave();
  }
  EXPECT_EQ(observer.exited.size(), 8U);
}

TEST_F(ReplacementsTest, ages_are_spread_by_jitter_and_never_exceed_the_limit) {
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
    pool->step(event::Tick{});
    if (launcher.started.size() > 10 + times.size()) times.insert(clock.now());
    for (const WorkerView& worker : pool->workers()) {
      if (worker.started_at > ready_at && worker.state == WorkerState::starting)
        pool->step(event::WorkerReady{worker.id});
    }
    let_leave();
  }
  EXPECT_EQ(times.size(), 10U) << "each at another time";
  EXPECT_GE(*times.begin(), ready_at + minutes(30));
  EXPECT_LE(*times.rbegin(), ready_at + hours(1));
}

TEST_F(ReplacementsTest, a_replacement_that_fails_leaves_the_worker_in_peace_and_is_tried_again) {
  config.restart.max_delay = seconds(5);
  start_ready();
  const WorkerId old = worker(0).id;
  EXPECT_TRUE(pool->step(event::Recycle{0}));
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

TEST_F(ReplacementsTest, a_failed_fork_of_a_replacement_is_tried_again) {
  start_ready();
  launcher.failures.assign(2, os_failure(EAGAIN).value());
  EXPECT_TRUE(pool->step(event::Recycle{0}));
  EXPECT_EQ(staying(0).size(), 1U);
  pass(seconds(1));
  EXPECT_EQ(staying(0).size(), 2U);
}

TEST_F(ReplacementsTest, a_replacement_on_its_way_takes_over_when_its_worker_crashes) {
  start_ready();
  EXPECT_TRUE(pool->step(event::Recycle{0}));
  const WorkerId next = staying(0).back().id;
  end(staying(0).front().id, signaled(SIGSEGV));
  EXPECT_EQ(worker(0).id, next);
  EXPECT_EQ(launcher.started.size(), 4U);
  ready_all();
  EXPECT_EQ(pool->state(), PoolState::running);
  EXPECT_TRUE(pool->step(event::Recycle{1}));
  EXPECT_EQ(staying(1).size(), 2U) << "the budget is free again";
}

TEST_F(ReplacementsTest, wishes_wait_for_a_reload_and_are_fulfilled_by_it) {
  start_ready();
  reload();
  for (unsigned slot = 0; slot < 3; ++slot) EXPECT_TRUE(pool->step(event::Recycle{slot}));
  settle();
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(launcher.started.size(), 6U) << "no worker is replaced twice";
}

TEST_F(ReplacementsTest, a_reload_calls_off_replacements_of_the_old_generation) {
  start_ready();
  EXPECT_TRUE(pool->step(event::Recycle{2}));
  const WorkerId called_off = staying(2).back().id;
  reload();
  EXPECT_EQ(signals(called_off), std::vector{SIGTERM});
  settle();
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(ReplacementsTest, wishes_outlive_a_failed_reload) {
  start_ready();
  EXPECT_TRUE(pool->step(event::Recycle{2}));
  reload();
  end(staying(0).back().id, exited(1));
  EXPECT_EQ(staying(2).size(), 2U);
  EXPECT_EQ(staying(2).back().generation, 1U);
}

TEST_F(ReplacementsTest, a_wish_is_not_lost_when_its_backoff_ends_during_a_reload_that_fails) {
  config.reload.soak = seconds(9);
  start_ready();
  EXPECT_TRUE(pool->step(event::Recycle{0}));
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

TEST_F(ReplacementsTest, no_slot_no_recycling) {
  start_ready();
  EXPECT_FALSE(pool->step(event::Recycle{3}));
  EXPECT_TRUE(pool->step(event::Resize{2}));
  EXPECT_FALSE(pool->step(event::Recycle{2}));
}

TEST_F(ReplacementsTest, no_jitter_makes_a_limit_so_small_that_an_idle_worker_reaches_it) {
  config.workers = {.initial = 50, .min = 1, .max = 50};
  config.recycle.at_most = 50;
  config.reload.max_surge = 50U;
  config.recycle.requests = 1;
  config.recycle.memory = 1;
  config.recycle.age = seconds(1);
  for (const double jitter : {0.1, 1.0}) {
    config.recycle.jitter = jitter;
    launcher.started.clear();
    start_ready();
    measure_all(0, 0);
    pass(seconds(1) - Duration(1));
    EXPECT_EQ(candidates(), 0U) << jitter;
    measure_all(1, std::nullopt);
    EXPECT_EQ(candidates(), 50U) << jitter;
  }
}

// All workers are measured every second: each is above the limit from its start on.
TEST_F(ReplacementsTest, a_limit_below_what_a_new_worker_needs_is_told_once_and_waited_for) {
  config.recycle.memory = 20 << 20;
  start_ready();
  for (int second = 0; second < 3600; ++second) {
    pass(seconds(1));
    measure_all(0, 34 << 20);
    ready_all();
    let_leave();
  }
  EXPECT_LE(launcher.started.size(), 3U * 12) << "not each second";
  EXPECT_GE(launcher.started.size(), 3U * 5) << "it continues";
  ASSERT_EQ(observer.recycle_waits.size(), 1U);
  EXPECT_EQ(observer.recycle_waits[0].limit, RecycleLimit::memory);
  EXPECT_EQ(observer.recycle_waits[0].found, 34U << 20);
  EXPECT_EQ(observer.recycle_waits[0].max, 20U << 20);
  const std::size_t before = launcher.started.size();
  config.recycle.memory = 33 << 20;
  adopt();
  measure_all(0, 34 << 20);
  EXPECT_EQ(launcher.started.size(), before + 1) << "a new limit is tried at once";
}

TEST_F(ReplacementsTest, an_age_of_a_second_does_not_go_on_for_ever) {
  config.recycle.age = seconds(1);
  start_ready();
  for (int second = 0; second < 3600; ++second) {
    pass(seconds(1));
    ready_all();
    let_leave();
  }
  EXPECT_LE(launcher.started.size(), 3U * 12);
  EXPECT_EQ(observer.recycle_waits.size(), 1U);
}

TEST_F(ReplacementsTest, a_limit_that_is_reached_after_a_while_is_never_waited_for) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.recycle.requests = 1000;
  start_ready();
  for (int turn = 0; turn < 20; ++turn) {
    pass(Replacements::fresh);
    measure_all(1000, std::nullopt);
    ASSERT_EQ(candidates(), 1U);
    ready_all();
    let_leave();
  }
  EXPECT_TRUE(observer.recycle_waits.empty());
}

}  // namespace
}  // namespace preforkd
