// SPDX-License-Identifier: MIT
// Resize, kill, stop. Reloads are in rollout_test.cpp, recycling in replacements_test.cpp.
#include "master/pool/scheduler.hpp"

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using SchedulerCommands = PoolTest;

TEST_F(SchedulerCommands, another_range_moves_the_number_no_further_than_it_must) {
  config.workers = {.initial = 2, .min = 2, .max = 5};
  start_ready();
  ASSERT_TRUE(pool->step(event::Resize{4}));
  const auto after = [this](const WorkerCount& workers) {
    config.workers = workers;
    adopt();
    return pool->target();
  };
  EXPECT_EQ(after({.initial = 2, .min = 2, .max = 8}), 4U);
  EXPECT_EQ(after({.initial = 3, .min = 3, .max = 8}), 4U);
  EXPECT_EQ(after({.initial = 6, .min = 6, .max = 8}), 6U);
  EXPECT_EQ(after({.initial = 1, .min = 1, .max = 5}), 5U);
  EXPECT_EQ(after({.initial = 2, .min = 1, .max = 5}), 2U) << "a number of its own counts";
  EXPECT_EQ(after({.initial = 3, .min = 3, .max = 3}), 3U);
}

TEST_F(SchedulerCommands, an_adopted_recycle_age_counts_for_workers_that_are_there) {
  start_ready();
  pass(minutes(30));
  config.recycle.age = hours(1);
  config.recycle.jitter = 0;
  adopt();
  pass(minutes(29));
  EXPECT_EQ(launcher.started.size(), 3U);
  pass(minutes(1));
  EXPECT_EQ(launcher.started.size(), 4U);
}

TEST_F(SchedulerCommands, adopting_ends_a_reload_that_runs) {
  start_ready();
  reload();
  adopt();
  ASSERT_EQ(observer.reloads.size(), 2U);
  EXPECT_EQ(observer.reloads[0].text, "superseded by a newer reload");
  EXPECT_TRUE(observer.reloads[1].ok);
  settle();
  EXPECT_EQ(generations(), std::set{1U});
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(SchedulerCommands, a_slot_that_waits_can_be_scaled_away_and_comes_back_fresh) {
  start_ready();
  for (int crash = 0; crash < 8; ++crash) crash_and_wait(2);
  end(worker(2).id, signaled(SIGSEGV));
  EXPECT_EQ(pool->state(), PoolState::degraded);
  EXPECT_TRUE(pool->step(event::Resize{2}));
  EXPECT_EQ(pool->state(), PoolState::running);
  EXPECT_EQ(pool->next_deadline(), std::nullopt);
  EXPECT_TRUE(pool->step(event::Resize{3}));
  EXPECT_EQ(worker(2).state, WorkerState::starting);
  EXPECT_EQ(crash_and_wait(2), Duration{0});
}

TEST_F(SchedulerCommands, stop_now_kills_everyone_once) {
  start_ready();
  pool->step(event::Stop{});
  pool->step(event::StopNow{});
  pool->step(event::StopNow{});
  for (const WorkerView& worker : pool->workers()) {
    EXPECT_EQ(signals(worker.id), (std::vector{SIGTERM, SIGKILL}));
    end(worker.id, signaled(SIGKILL));
    EXPECT_EQ(observer.exited.back().cause, ExitCause::operator_request);
  }
  EXPECT_TRUE(pool->scheduler().finished());
}

}  // namespace
}  // namespace preforkd
