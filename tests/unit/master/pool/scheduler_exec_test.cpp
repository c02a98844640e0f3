// SPDX-License-Identifier: MIT
// Workers with "ready": "exec": a good version differs from a broken one only in that its workers stay up.
#include "master/pool/scheduler.hpp"

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

class SchedulerExec : public PoolTest {
 protected:
  SchedulerExec() {
    config.ready = ReadyMode::exec;
    config.start_timeout = seconds(1);
    config.reload.soak = seconds(2);
  }
  void execute_all() {
    for (const WorkerView& worker : pool->workers()) pool->step(event::WorkerExecuted{worker.id});
  }
  void start_soaked() {
    start();
    execute_all();
    pass(seconds(2));
  }
};

TEST_F(SchedulerExec, an_executed_worker_is_ready_when_it_has_soaked_however_short_its_start_timeout) {
  start();
  execute_all();
  EXPECT_EQ(pool->scheduler().last_response_deadline(), clock.now() + seconds(2));
  pass(seconds(2) - Duration(1));
  EXPECT_EQ(pool->ready_count(), 0U);
  EXPECT_FALSE(pool->scheduler().started());
  pass(Duration(1));
  EXPECT_EQ(pool->ready_count(), 3U);
  EXPECT_TRUE(pool->scheduler().started());
  EXPECT_TRUE(observer.killed.empty());
}

TEST_F(SchedulerExec, without_a_soak_it_is_ready_at_once) {
  config.reload.soak = Duration{0};
  start();
  execute_all();
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(SchedulerExec, one_that_is_never_executed_is_killed_in_time) {
  start();
  pass(seconds(1));
  EXPECT_EQ(observer.killed.size(), 3U);
}

TEST_F(SchedulerExec, ready_from_a_program_that_is_not_asked_for_it_shortens_no_soak) {
  start();
  execute_all();
  ready_all();
  EXPECT_EQ(pool->ready_count(), 0U);
}

TEST_F(SchedulerExec, another_ready_mode_is_not_satisfied_by_an_exec) {
  config.ready = ReadyMode::notify;
  start();
  execute_all();
  pass(milliseconds(999));
  EXPECT_EQ(pool->ready_count(), 0U);
}

TEST_F(SchedulerExec, a_reload_soaks_its_workers_once_and_then_takes_the_old_ones_away) {
  config.reload.max_surge = 3U;
  start_soaked();
  reload();
  execute_all();
  pass(seconds(2) - Duration(1));
  EXPECT_TRUE(observer.draining.empty());
  pass(Duration(1));
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(generations(), std::set{2U});
}

TEST_F(SchedulerExec, a_version_that_ends_at_once_takes_no_worker_away) {
  start_soaked();
  reload();
  execute_all();
  pass(seconds(1));
  end(staying(0).back().id, exited(1));
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_FALSE(observer.reloads[0].ok);
  EXPECT_TRUE(observer.draining.empty());
  EXPECT_EQ(pool->ready_count(), 3U);
}

TEST_F(SchedulerExec, a_replacement_that_ends_at_once_takes_no_worker_away) {
  start_soaked();
  ASSERT_TRUE(pool->step(event::Recycle{0}));
  execute_all();
  pass(seconds(1));
  end(staying(0).back().id, exited(1));
  EXPECT_TRUE(observer.draining.empty());
  EXPECT_EQ(pool->ready_count(), 3U);
}

TEST_F(SchedulerExec, a_pool_has_recovered_only_when_its_new_workers_have_soaked) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start_soaked();
  end(worker(0).id, exited(1));
  for (int crash = 0; crash < 5; ++crash) {
    execute_all();
    pass(seconds(1));
    if (!staying(0).empty()) end(worker(0).id, exited(1));
    while (staying(0).empty()) pass(seconds(1));
    EXPECT_EQ(pool->state(), PoolState::degraded);
  }
  EXPECT_EQ(observer.states.size(), 2U);  // running, degraded
  execute_all();
  pass(seconds(2));
  EXPECT_EQ(pool->state(), PoolState::running);
}

}  // namespace
}  // namespace preforkd
