// SPDX-License-Identifier: MIT
// Slots and their workers without a request of an operator: start, crash, backoff, workers that leave by themselves.
#include "master/pool/scheduler.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using SchedulerTest = PoolTest;

TEST_F(SchedulerTest, waits_longer_after_each_crash_of_the_same_slot_only) {
  start_ready();
  EXPECT_EQ(crash_and_wait(0), Duration{0});
  Duration full = config.restart.delay;
  for (int crash = 2; crash < 14; ++crash) {
    const Duration wait = crash_and_wait(0);
    EXPECT_GE(wait, full * 3 / 4);
    EXPECT_LE(wait, full);
    full = std::min(full * 2, config.restart.max_delay);
  }
  EXPECT_EQ(crash_and_wait(1), Duration{0}) << "the other slots have a history of their own";
}

TEST_F(SchedulerTest, an_exit_tells_how_often_its_slot_has_crashed_and_since_when) {
  start_ready();
  const Instant first = clock.now();
  crash_and_wait(0);
  clock.advance_to(first + seconds(5));
  crash_and_wait(0);
  EXPECT_EQ(observer.exited.back().crashes, 2U);
  EXPECT_EQ(observer.exited.back().crashing_since, first);
}

TEST_F(SchedulerTest, forgets_crashes_after_good_uptime) {
  start_ready();
  for (int crash = 0; crash < 6; ++crash) crash_and_wait(0);
  ready_all();
  pass(config.restart.forget_after);
  EXPECT_EQ(crash_and_wait(0), Duration{0});
}

TEST_F(SchedulerTest, a_clean_exit_of_a_long_ready_worker_is_no_crash) {
  start_ready();
  for (int turn = 0; turn < 20; ++turn) {
    pass(RespawnPolicy::short_life);
    end(worker(0).id, exited(0));
    EXPECT_EQ(observer.exited.back().cause, ExitCause::exit);
    EXPECT_FALSE(observer.exited.back().failed);
    ready_all();
  }
  EXPECT_EQ(launcher.started.size(), 23U);
  EXPECT_EQ(pool->state(), PoolState::running);
}

// That of a worker that an earlier master has started.
TEST_F(SchedulerTest, an_unknown_status_after_good_uptime_gives_no_backoff) {
  start_ready();
  for (int turn = 0; turn < 20; ++turn) {
    pass(RespawnPolicy::short_life);
    const std::size_t before = launcher.started.size();
    end(worker(0).id, ExitStatus{});
    EXPECT_EQ(launcher.started.size(), before + 1);
    ready_all();
  }
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(SchedulerTest, instant_ends_with_an_unknown_status_do_not_spin) {
  start_ready();
  for (int turn = 0; turn < 2; ++turn) {
    end(worker(0).id, ExitStatus{});
    ready_all();
  }
  EXPECT_TRUE(staying(0).empty()) << "no backoff";
}

TEST_F(SchedulerTest, instant_clean_exits_do_not_spin) {
  start_ready();
  for (int turn = 0; turn < 2; ++turn) {
    end(worker(0).id, exited(0));
    ready_all();
  }
  EXPECT_EQ(pool->state(), PoolState::degraded);
  EXPECT_EQ(launcher.started.size(), 4U);
}

TEST_F(SchedulerTest, instant_announcements_to_leave_do_not_spin) {
  start_ready();
  for (int turn = 0; turn < 2; ++turn) {
    pool->step(event::WorkerStopping{worker(0).id});
    ready_all();
  }
  EXPECT_EQ(pool->state(), PoolState::degraded);
  EXPECT_EQ(launcher.started.size(), 4U);
}

TEST_F(SchedulerTest, a_program_that_cannot_be_executed_is_tried_again_for_ever) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.restart.max_delay = seconds(5);
  start();
  for (int turn = 0; turn < 50; ++turn) {
    end(worker(0).id, {ExitStatus::Kind::exec_failed, ENOENT, "execve"});
    EXPECT_TRUE(observer.exited.back().failed);
    pass(config.restart.max_delay);
  }
  EXPECT_EQ(pool->state(), PoolState::degraded);
  EXPECT_EQ(launcher.started.size(), 51U);
}

TEST_F(SchedulerTest, failed_forks_are_forgotten_once_the_slot_is_ready) {
  launcher.failures.assign(1, os_failure(EAGAIN).value());
  start();
  pass(config.restart.delay);
  ready_all();
  EXPECT_EQ(crash_and_wait(0), Duration{0});
}

TEST_F(SchedulerTest, forks_that_fail_for_a_minute_are_tried_a_few_times_only) {
  start_ready();
  launcher.failures.assign(1000, os_failure(EAGAIN).value());
  end(worker(0).id, signaled(SIGSEGV));
  pass(minutes(1));
  EXPECT_LT(observer.failed_launches.size(), 15U);
  EXPECT_GT(observer.failed_launches.size(), 5U);
}

TEST_F(SchedulerTest, an_out_of_memory_kill_is_named) {
  start_ready();
  pool->step(event::WorkerExited{worker(0).id, 1, signaled(SIGKILL), true});
  EXPECT_EQ(observer.exited.back().cause, ExitCause::oom);
}

TEST_F(SchedulerTest, a_crash_during_a_drain_is_named_as_what_it_is) {
  start_ready();
  pool->step(event::Stop{});
  end(pool->workers()[0].id, signaled(SIGSEGV));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::signal);
}

// 10 000 workers and hundreds of thousands of events: a cost of O(n) per event would take minutes here and exceed the
// time limit of the test.
TEST_F(SchedulerTest, ten_thousand_workers_stay_cheap) {
  constexpr unsigned count = 10000;
  config.workers = {.initial = count, .min = 1, .max = count};
  config.hang_timeout = seconds(30);
  config.recycle.requests = 100;
  config.recycle.at_most = 1000;
  config.reload.max_surge = 1000U;
  Scheduler scheduler(std::make_shared<const PoolConfig>(config), 1, [](WorkerId) { return 0U; });
  std::vector<Action> actions;
  Instant now = clock.now();
  std::vector<WorkerId> alive;
  std::vector<WorkerId> leaving;
  const auto act = [&] {
    scheduler.take_actions(actions);
    for (const Action& action : actions) {
      if (const auto* const launch = std::get_if<Launch>(&action)) alive.push_back(launch->id);
      if (const auto* const drains = std::get_if<ReportDraining>(&action)) leaving.push_back(drains->worker.id);
    }
  };
  scheduler.step(event::Start{}, now);
  act();
  ASSERT_EQ(alive.size(), count);
  unsigned events = 0;
  for (int round = 0; round < 10; ++round) {
    now += seconds(2);
    if (round == 5) scheduler.step(event::Reload{std::make_shared<const PoolConfig>(config)}, now);
    const std::vector<WorkerId> workers = std::exchange(alive, {});
    for (std::size_t index = 0; index < workers.size(); ++index) {
      const WorkerId id = workers[index];
      scheduler.step(event::WorkerReady{id}, now);
      scheduler.step(event::WorkerAlive{id}, now);
      scheduler.step(event::WorkerMeasured{id, index % 10 == 0 ? 200U : 1U, std::nullopt}, now);
      const bool dies = index % 7 == 0;
      if (dies) scheduler.step(event::WorkerExited{id, 1, signaled(SIGKILL)}, now);
      if (!dies) alive.push_back(id);
      events += 4;
      act();
    }
    for (const WorkerId id : std::exchange(leaving, {})) scheduler.step(event::WorkerExited{id, 1, exited(0)}, now);
    act();
  }
  EXPECT_GT(events, 300000U);
  EXPECT_LE(scheduler.roster().ready_slots(), count);
}

TEST_F(SchedulerTest, restart_never_counts_for_a_worker_that_said_that_it_leaves_too) {
  config.restart.never = {78};
  start_ready();
  for (int life = 0; life < 2; ++life) {
    const WorkerId id = worker(0).id;
    pool->step(event::WorkerReady{id});
    pool->step(event::WorkerStopping{id});
    end(id, exited(78));
    if (life == 0) ready_all();
  }
  EXPECT_TRUE(staying(0).empty());
  ASSERT_TRUE(pool->idle_slot(0));
  EXPECT_TRUE(pool->idle_slot(0)->down);
  EXPECT_EQ(observer.exited.back().follow, Follow::down);
  const std::size_t before = launcher.started.size();
  pass(hours(1));
  EXPECT_EQ(launcher.started.size(), before);
}

}  // namespace
}  // namespace preforkd
