// SPDX-License-Identifier: MIT
// Start, hang and drain deadlines, and a loop that comes late.
#include "master/pool/scheduler.hpp"

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using SchedulerDeadlines = PoolTest;

TEST_F(SchedulerDeadlines, KillsAWorkerThatIsNotReadyInTime) {
  start();
  const WorkerId id = worker(2).id;
  pool->worker_ready(worker(0).id);
  pool->worker_ready(worker(1).id);
  pass(config.start_timeout - Duration(1));
  EXPECT_TRUE(signals(id).empty());
  pass(Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
  ASSERT_EQ(observer.killed.size(), 1U);
  EXPECT_EQ(observer.killed[0].why, ExitCause::start_timeout);
  end(id, signaled(SIGKILL));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::start_timeout);
  EXPECT_TRUE(observer.exited.back().failed);
  EXPECT_EQ(observer.exited.back().follow, Follow::starting);
  EXPECT_EQ(worker(2).state, WorkerState::starting);
}

TEST_F(SchedulerDeadlines, AWorkerMayExtendItsStart) {
  start();
  const WorkerId id = worker(0).id;
  pass(config.start_timeout - seconds(1));
  pool->worker_extends(id, seconds(30));
  pass(seconds(30) - Duration(1));
  EXPECT_TRUE(signals(id).empty());
  pool->worker_extends(id, seconds(0));
  pass(Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
}

TEST_F(SchedulerDeadlines, AnExtensionNeverShortensADeadlineAndIsBounded) {
  start();
  const WorkerId id = worker(0).id;
  pool->worker_extends(id, seconds(1));
  pool->worker_extends(id, seconds(-5));
  pass(seconds(5));
  EXPECT_TRUE(signals(id).empty());
  pool->worker_extends(id, Duration::max());
  pass(hours(1));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
}

TEST_F(SchedulerDeadlines, AbortsAHungWorkerThenKillsItAndReplacesItAtOnce) {
  config.hang_timeout = seconds(2);
  start_ready();
  const WorkerId id = worker(0).id;
  for (int turn = 0; turn < 5; ++turn) {
    pass(seconds(1));
    for (unsigned slot = 0; slot < 3; ++slot) pool->worker_alive(worker(slot).id);
  }
  EXPECT_TRUE(signals(id).empty());
  pass(seconds(1));
  pool->worker_alive(worker(1).id);
  pool->worker_alive(worker(2).id);
  pass(seconds(1));
  EXPECT_EQ(signals(id), std::vector{SIGABRT});
  EXPECT_NE(worker(0).id, id) << "its replacement does not wait for the core dump";
  pool->worker_ready(worker(0).id);
  for (int turn = 0; turn < 20; ++turn) {
    for (unsigned slot = 0; slot < 3; ++slot) pool->worker_alive(worker(slot).id);
    pass(seconds(1));
  }
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGKILL}));
  end(id, signaled(SIGKILL));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::hang);
  EXPECT_TRUE(observer.exited.back().failed);
  EXPECT_EQ(observer.exited.size(), 1U);
  EXPECT_EQ(observer.exited.back().follow, Follow::covered) << "its replacement is ready long since";
}

TEST_F(SchedulerDeadlines, TheHangDeadlineStartsAtReady) {
  config.hang_timeout = seconds(2);
  start();
  pass(seconds(9));
  ready_all();
  pass(seconds(2) - Duration(1));
  EXPECT_TRUE(observer.killed.empty());
  pass(Duration(1));
  EXPECT_EQ(observer.killed.size(), 3U);
}

TEST_F(SchedulerDeadlines, AWorkerThatSaysItHangsIsAborted) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->worker_watchdog_trigger(id);
  EXPECT_EQ(signals(id), std::vector{SIGABRT});
  end(id, signaled(SIGABRT));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::hang);
}

TEST_F(SchedulerDeadlines, UnkillableProcessesDoNotPileUpInASlot) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start();
  const WorkerId first = worker(0).id;
  pass(hours(3));
  EXPECT_EQ(launcher.started.size(), 2U);
  end(first, signaled(SIGKILL));
  pass(config.restart.max_delay);
  EXPECT_EQ(launcher.started.size(), 3U);
}

TEST_F(SchedulerDeadlines, AStoppedOrSuspendedMasterKillsNobodyWhenItComesBack) {
  config.hang_timeout = seconds(20);
  start_ready();
  end(worker(0).id, signaled(SIGSEGV));  // one starts
  ASSERT_TRUE(pool->recycle(1));
  ready_all();
  end(worker(0).id, signaled(SIGSEGV));
  pass(config.restart.delay);
  pass(seconds(4));
  clock.advance(hours(2));
  pool->tick();
  EXPECT_TRUE(observer.killed.empty());
  pass(seconds(5));
  EXPECT_TRUE(observer.killed.empty()) << "what was left of each deadline is given back";
  ready_all();
  for (const WorkerView& worker : pool->workers()) pool->worker_alive(worker.id);
  pass(seconds(19));
  EXPECT_TRUE(observer.killed.empty());
}

TEST_F(SchedulerDeadlines, AFactThatComesFirstAfterALongPauseKillsNobodyEither) {
  config.hang_timeout = seconds(2);
  start_ready();
  pass(seconds(1));
  clock.advance(minutes(5));
  pool->worker_alive(worker(0).id);
  EXPECT_TRUE(observer.killed.empty());
}

TEST_F(SchedulerDeadlines, DeadlinesHoldAgainAfterAPause) {
  start();
  clock.advance(hours(1));
  pool->tick();
  EXPECT_TRUE(observer.killed.empty());
  pass(config.start_timeout);
  EXPECT_EQ(observer.killed.size(), 3U);
}

TEST_F(SchedulerDeadlines, WhoDoesNotLeaveInTimeIsKilled) {
  start_ready();
  pool->stop();
  const WorkerId id = pool->workers()[0].id;
  pass(config.drain_timeout - Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  pass(Duration(1));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGKILL}));
  end(id, signaled(SIGKILL));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::drain_timeout);
}

TEST_F(SchedulerDeadlines, ADrainMayBeExtended) {
  start_ready();
  pool->stop();
  const WorkerId id = pool->workers()[0].id;
  pool->worker_extends(id, minutes(2));
  pass(minutes(2) - Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  pass(Duration(1));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGKILL}));
}

TEST_F(SchedulerDeadlines, AWorkerMaySetItsOwnHangTimeout) {
  start_ready();
  pool->worker_watchdog_timeout(worker(0).id, seconds(3));
  pool->worker_watchdog_timeout(worker(1).id, seconds(3));
  pass(seconds(2));
  pool->worker_alive(worker(0).id);
  pool->worker_watchdog_timeout(worker(1).id, Duration{0});
  EXPECT_EQ(pool->next_deadline(), clock.now() + seconds(3));
  pass(seconds(3));
  ASSERT_EQ(observer.killed.size(), 1U);
  EXPECT_EQ(observer.killed[0].worker.slot, 0U);
  EXPECT_EQ(observer.killed[0].why, ExitCause::hang);
}

}  // namespace
}  // namespace preforkd
