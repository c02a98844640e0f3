// SPDX-License-Identifier: MIT
// Start, hang and drain deadlines, and a loop that comes late.
#include "master/pool/scheduler.hpp"

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using SchedulerDeadlines = PoolTest;

TEST_F(SchedulerDeadlines, spares_a_worker_that_could_not_be_heard) {
  config.hang_timeout = seconds(2);
  start_ready();
  const WorkerId hung = worker(0).id;
  const WorkerId cut_off = worker(1).id;
  launcher.cut_off = {cut_off, WorkerId{12345}};
  pass(seconds(1));
  pool->step(event::WorkerAlive{worker(2).id});
  pass(seconds(1));
  EXPECT_EQ(signals(hung), std::vector{SIGABRT});
  EXPECT_TRUE(signals(cut_off).empty());
  launcher.cut_off.clear();
  pass(seconds(2) - Duration(1));
  EXPECT_TRUE(signals(cut_off).empty());
  pass(Duration(1));
  EXPECT_EQ(signals(cut_off), std::vector{SIGABRT});
}

TEST_F(SchedulerDeadlines, a_worker_may_extend_its_start) {
  start();
  const WorkerId id = worker(0).id;
  pass(config.start_timeout - seconds(1));
  pool->step(event::WorkerExtends{id, seconds(30)});
  pass(seconds(30) - Duration(1));
  EXPECT_TRUE(signals(id).empty());
  pool->step(event::WorkerExtends{id, seconds(0)});
  pass(Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
}

TEST_F(SchedulerDeadlines, an_extension_never_shortens_a_deadline_and_is_bounded) {
  start();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerExtends{id, seconds(1)});
  pool->step(event::WorkerExtends{id, seconds(-5)});
  pass(seconds(5));
  EXPECT_TRUE(signals(id).empty());
  pool->step(event::WorkerExtends{id, Duration::max()});
  pass(hours(1));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
}

TEST_F(SchedulerDeadlines, aborts_a_hung_worker_then_kills_it_and_replaces_it_at_once) {
  config.hang_timeout = seconds(2);
  start_ready();
  const WorkerId id = worker(0).id;
  for (int turn = 0; turn < 5; ++turn) {
    pass(seconds(1));
    for (unsigned slot = 0; slot < 3; ++slot) pool->step(event::WorkerAlive{worker(slot).id});
  }
  EXPECT_TRUE(signals(id).empty());
  pass(seconds(1));
  pool->step(event::WorkerAlive{worker(1).id});
  pool->step(event::WorkerAlive{worker(2).id});
  pass(seconds(1));
  EXPECT_EQ(signals(id), std::vector{SIGABRT});
  EXPECT_NE(worker(0).id, id) << "its replacement does not wait for the core dump";
  pool->step(event::WorkerReady{worker(0).id});
  for (int turn = 0; turn < 20; ++turn) {
    for (unsigned slot = 0; slot < 3; ++slot) pool->step(event::WorkerAlive{worker(slot).id});
    pass(seconds(1));
  }
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGKILL}));
  end(id, signaled(SIGKILL));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::hang);
  EXPECT_TRUE(observer.exited.back().failed);
  EXPECT_EQ(observer.exited.size(), 1U);
  EXPECT_EQ(observer.exited.back().follow, Follow::covered) << "its replacement has been ready for long";
}

TEST_F(SchedulerDeadlines, the_hang_deadline_starts_at_ready) {
  config.hang_timeout = seconds(2);
  start();
  pass(seconds(9));
  ready_all();
  pass(seconds(2) - Duration(1));
  EXPECT_TRUE(observer.killed.empty());
  pass(Duration(1));
  EXPECT_EQ(observer.killed.size(), 3U);
}

TEST_F(SchedulerDeadlines, a_worker_that_says_it_hangs_is_aborted) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerWatchdogTrigger{id});
  EXPECT_EQ(signals(id), std::vector{SIGABRT});
  end(id, signaled(SIGABRT));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::hang);
}

TEST_F(SchedulerDeadlines, unkillable_processes_do_not_pile_up_in_a_slot) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start();
  const WorkerId first = worker(0).id;
  pass(hours(3));
  EXPECT_EQ(launcher.started.size(), 2U);
  end(first, signaled(SIGKILL));
  pass(config.restart.max_delay);
  EXPECT_EQ(launcher.started.size(), 3U);
}

TEST_F(SchedulerDeadlines, a_stopped_or_suspended_master_kills_nobody_when_it_comes_back) {
  config.hang_timeout = seconds(20);
  start_ready();
  end(worker(0).id, signaled(SIGSEGV));  // one starts
  ASSERT_TRUE(pool->step(event::Recycle{1}));
  ready_all();
  end(worker(0).id, signaled(SIGSEGV));
  pass(config.restart.delay);
  pass(seconds(4));
  clock.advance(hours(2));
  pool->step(event::Tick{});
  EXPECT_TRUE(observer.killed.empty());
  pass(seconds(5));
  EXPECT_TRUE(observer.killed.empty()) << "what was left of each deadline is given back";
  ready_all();
  for (const WorkerView& worker : pool->workers()) pool->step(event::WorkerAlive{worker.id});
  pass(seconds(19));
  EXPECT_TRUE(observer.killed.empty());
}

TEST_F(SchedulerDeadlines, a_fact_that_comes_first_after_a_long_pause_kills_nobody_either) {
  config.hang_timeout = seconds(2);
  start_ready();
  pass(seconds(1));
  clock.advance(minutes(5));
  pool->step(event::WorkerAlive{worker(0).id});
  EXPECT_TRUE(observer.killed.empty());
}

TEST_F(SchedulerDeadlines, deadlines_hold_again_after_a_pause) {
  start();
  clock.advance(hours(1));
  pool->step(event::Tick{});
  EXPECT_TRUE(observer.killed.empty());
  pass(config.start_timeout);
  EXPECT_EQ(observer.killed.size(), 3U);
}

TEST_F(SchedulerDeadlines, who_does_not_leave_in_time_is_killed) {
  start_ready();
  pool->step(event::Stop{});
  const WorkerId id = pool->workers()[0].id;
  pass(config.drain_timeout - Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  pass(Duration(1));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGKILL}));
  end(id, signaled(SIGKILL));
  EXPECT_EQ(observer.exited.back().cause, ExitCause::drain_timeout);
}

TEST_F(SchedulerDeadlines, a_drain_may_be_extended) {
  start_ready();
  pool->step(event::Stop{});
  const WorkerId id = pool->workers()[0].id;
  pool->step(event::WorkerExtends{id, minutes(2)});
  pass(minutes(2) - Duration(1));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  pass(Duration(1));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGKILL}));
}

TEST_F(SchedulerDeadlines, a_worker_may_set_its_own_hang_timeout) {
  start_ready();
  pool->step(event::WorkerWatchdogTimeout{worker(0).id, seconds(3)});
  pool->step(event::WorkerWatchdogTimeout{worker(1).id, seconds(3)});
  pass(seconds(2));
  pool->step(event::WorkerAlive{worker(0).id});
  pool->step(event::WorkerWatchdogTimeout{worker(1).id, Duration{0}});
  EXPECT_EQ(pool->next_deadline(), clock.now() + seconds(3));
  pass(seconds(3));
  ASSERT_EQ(observer.killed.size(), 1U);
  EXPECT_EQ(observer.killed[0].worker.slot, 0U);
  EXPECT_EQ(observer.killed[0].why, ExitCause::hang);
}

TEST_F(SchedulerDeadlines, a_hung_worker_that_starves_the_master_is_killed_all_the_same) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.hang_timeout = milliseconds(500);
  start_ready();
  for (int turn = 0; turn < 4 && observer.killed.empty(); ++turn) {
    clock.advance_to(pool->next_deadline().value() + milliseconds(101));
    pool->step(event::Tick{});
  }
  ASSERT_EQ(observer.killed.size(), 1U);
  EXPECT_EQ(observer.killed[0].why, ExitCause::hang);
  EXPECT_EQ(observer.moves.size(), 1U) << "reported once";
}

TEST_F(SchedulerDeadlines, a_worker_that_said_that_it_leaves_needs_not_ping_until_it_does_again) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.hang_timeout = seconds(2);
  config.drain_timeout = minutes(1);
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::Stop{});
  pool->step(event::WorkerStopping{id});
  pass(seconds(50));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  pool->step(event::WorkerAlive{id});
  pass(seconds(2));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGABRT}));
}

TEST_F(SchedulerDeadlines, a_hang_timeout_does_not_outlast_the_drain_timeout) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.hang_timeout = minutes(2);
  config.drain_timeout = minutes(1);
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::Stop{});
  pass(minutes(1));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGKILL}));
  pass(hours(1));
  EXPECT_EQ(signals(id).size(), 2U);
}

TEST_F(SchedulerDeadlines, says_what_a_program_lacks_that_knows_nothing_of_its_notify_socket) {
  config.hang_timeout = seconds(2);
  start();
  const WorkerId quiet = worker(0).id;
  const WorkerId knowing = worker(1).id;
  pool->step(event::WorkerHeard{knowing});
  pool->step(event::WorkerReady{worker(2).id});
  const WorkerId hung = worker(2).id;
  pass(config.start_timeout);
  for (const WorkerId id : {quiet, knowing}) end(id, signaled(SIGKILL));
  end(hung, signaled(SIGABRT));
  ASSERT_EQ(observer.exited.size(), 3U);
  EXPECT_NE(hint(observer.exited[0]).find("\"ready\": \"exec\""), std::string::npos);
  EXPECT_EQ(hint(observer.exited[1]), "");
  EXPECT_NE(hint(observer.exited[2]).find("never sent WATCHDOG=1"), std::string::npos);
}

}  // namespace
}  // namespace preforkd
