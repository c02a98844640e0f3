// SPDX-License-Identifier: MIT
// Workers of several processes: the first has ended, others still run.
#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

class RemainsTest : public PoolTest {
 protected:
  void end_not_alone(WorkerId id, const ExitStatus& status) {
    pool->step(event::WorkerExited{id, 1, status, false, true});
  }
  void clear(WorkerId id) {
    launcher.alive.erase(id);
    pool->step(event::RemainsGone{id});
  }
  // As the master does, which reports a reload only then.
  [[nodiscard]] bool is_done() const {
    return !observer.reloads.empty() && !pool->scheduler().older_generations_accept();
  }

  // Brings a reload to its commit. Returns the old worker, which was asked to leave.
  WorkerId commit_one_worker() {
    config.workers.initial = 1;
    start_ready();
    const WorkerId old = worker(0).id;
    reload();
    pool->step(event::WorkerReady{staying(0).back().id});
    EXPECT_EQ(observer.reloads.size(), 1U);
    return old;
  }
};

TEST_F(RemainsTest, of_a_worker_that_was_told_to_leave_is_killed_at_the_end_of_that_time) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::Stop{});
  pass(seconds(10));
  end_not_alone(id, signaled(SIGTERM));
  EXPECT_EQ(signals(id), (std::vector{SIGTERM, SIGTERM})) << "first the leader, then the others";
  pass(config.drain_timeout - seconds(10));
  EXPECT_EQ(signals(id).back(), SIGKILL);
}

TEST_F(RemainsTest, may_seek_a_taker_before_the_end_of_the_only_worker_is_seen) {
  config.workers.initial = 1;
  start();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerMoves{id, {1, 5}});
  pool->step(event::WorkerReady{id});
  pool->step(event::WorkerSeeks{id, 3});
  end_not_alone(id, signaled(SIGKILL));
  EXPECT_TRUE(launcher.dismissed.empty());
  const WorkerId next = worker(0).id;
  pool->step(event::WorkerMoves{next, {1, 5}});
  pool->step(event::WorkerReady{next});
  EXPECT_EQ(launcher.introduced, (std::vector{std::pair{id, next}}));
}

TEST_F(RemainsTest, say_in_the_history_what_became_of_its_connections) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerGave{id, 5});
  end_not_alone(id, signaled(SIGKILL));
  pool->step(event::WorkerGave{id, 290, 0, {}, true});
  pool->step(event::WorkerGave{id, 7, 3, {}, true});
  EXPECT_EQ(pool->history().newest(1)[0].kept.all(), 0U) << "its keeper still runs";
  clear(id);
  const ExitRecord exit = pool->history().newest(1)[0];
  EXPECT_EQ(exit.handed_over, 5U);
  EXPECT_EQ(exit.kept.moved, 297U);
  EXPECT_EQ(exit.kept.closed, 3U);
  EXPECT_EQ(pool->history().kept().moved, 297U) << "the worker itself has counted the others";
  EXPECT_EQ(pool->history().kept().closed, 3U);
}

// Its search for what is left takes time, in which a keeper may end.
TEST_F(RemainsTest, may_have_done_all_before_the_master_sees_them) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerGave{id, 5});
  pool->step(event::WorkerGave{id, 297, 3, {}, true});
  end(id, signaled(SIGKILL));
  const ExitRecord exit = pool->history().newest(1)[0];
  EXPECT_EQ(exit.handed_over, 5U);
  EXPECT_EQ(exit.kept.moved, 297U);
  EXPECT_EQ(exit.kept.closed, 3U);
}

TEST_F(RemainsTest, have_said_nothing_that_counts_before_they_are_gone) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerGave{id, 0, 3, {}, true});
  end_not_alone(id, signaled(SIGKILL));
  EXPECT_EQ(pool->history().newest(1)[0].kept.all(), 0U);
  pool->step(event::WorkerGave{id, 297, 0, {}, true});
  clear(id);
  EXPECT_EQ(pool->history().newest(1)[0].kept.all(), 300U);
}

TEST_F(RemainsTest, of_a_worker_that_was_killed_are_killed_again) {
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::StopNow{});
  end_not_alone(id, signaled(SIGKILL));
  EXPECT_EQ(signals(id), (std::vector{SIGKILL, SIGKILL}));
}

TEST_F(RemainsTest, with_a_mixed_stop_are_killed_at_once) {
  config.stop = StopMode::mixed;
  start_ready();
  const WorkerId id = worker(0).id;
  end_not_alone(id, signaled(SIGSEGV));
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
  EXPECT_FALSE(observer.remains.back().drain_deadline);
  pool->step(event::WorkerWatchdogTrigger{id});
  pass(config.drain_timeout);
  EXPECT_EQ(signals(id), std::vector{SIGKILL});
}

TEST_F(RemainsTest, with_a_mixed_stop_a_keeper_has_its_time) {
  config.stop = StopMode::mixed;
  start();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerMoves{id, {1, 5}});
  pool->step(event::WorkerReady{id});
  end_not_alone(id, signaled(SIGKILL));
  EXPECT_EQ(signals(id), std::vector{SIGTERM});
  EXPECT_EQ(observer.remains.back().drain_deadline, clock.now() + config.drain_timeout);
}

TEST_F(RemainsTest, of_a_hung_worker_have_their_whole_time) {
  config.hang_timeout = seconds(1);
  start_ready();
  const WorkerId id = worker(0).id;
  pass(seconds(1));
  EXPECT_EQ(signals(id), std::vector{SIGABRT});
  end_not_alone(id, signaled(SIGABRT));
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGTERM}));
  EXPECT_EQ(observer.remains.back().drain_deadline, clock.now() + config.drain_timeout);
}

TEST_F(RemainsTest, of_a_hung_worker_that_needed_sigkill_are_killed_except_its_keeper) {
  config.hang_timeout = seconds(1);
  start();
  const WorkerId id = worker(0).id;
  pool->step(event::WorkerMoves{id, {1, 5}});
  pool->step(event::WorkerReady{id});
  pass(seconds(1));
  pass(config.drain_timeout);
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGKILL}));
  end_not_alone(id, signaled(SIGKILL));
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGKILL, SIGTERM}));
  EXPECT_EQ(observer.remains.back().drain_deadline, clock.now() + config.drain_timeout);
  pass(config.drain_timeout);
  EXPECT_EQ(signals(id), (std::vector{SIGABRT, SIGKILL, SIGTERM, SIGKILL}));
}

TEST_F(RemainsTest, hold_up_the_end_of_a_stop) {
  config.workers.initial = 1;
  start_ready();
  const WorkerId id = worker(0).id;
  pool->step(event::Stop{});
  end_not_alone(id, exited(0));
  EXPECT_FALSE(pool->scheduler().finished());
  clear(id);
  EXPECT_TRUE(pool->scheduler().finished());
}

TEST_F(RemainsTest, are_not_the_process_that_a_slot_is_shown_with) {
  start_ready();
  config.restart.delay = seconds(10);
  end_not_alone(worker(0).id, signaled(SIGSEGV));
  const WorkerId second = worker(0).id;
  end_not_alone(second, signaled(SIGSEGV));
  EXPECT_FALSE(pool->shown_worker(0));
}

TEST_F(RemainsTest, are_not_counted_as_a_worker_that_drains_if_they_are_its_keeper) {
  start_ready();
  pool->step(event::WorkerMoves{worker(0).id, {1, 5}});
  const WorkerId kept = worker(0).id;
  const WorkerId other = worker(1).id;
  end_not_alone(kept, signaled(SIGKILL));
  EXPECT_EQ(pool->draining_count(), 0U);
  end_not_alone(other, signaled(SIGKILL));
  EXPECT_EQ(pool->draining_count(), 1U);
  pool->step(event::WorkerMoves{other, {1, 5}});
  EXPECT_EQ(pool->draining_count(), 0U) << "its Hello was read late";
  clear(kept);
  clear(other);
  EXPECT_EQ(pool->draining_count(), 0U);
}

TEST_F(RemainsTest, a_reload_is_done_at_once_if_the_old_workers_are_gone) {
  const WorkerId old = commit_one_worker();
  EXPECT_FALSE(is_done());
  end(old, exited(0));
  EXPECT_TRUE(is_done());
}

TEST_F(RemainsTest, a_reload_is_done_a_moment_after_the_old_workers_were_told_to_leave_if_they_drain) {
  static_cast<void>(commit_one_worker());
  pass(milliseconds(99));
  EXPECT_FALSE(is_done());
  ASSERT_TRUE(pool->next_deadline());
  EXPECT_EQ(*pool->next_deadline(), clock.now() + milliseconds(1));
  pass(milliseconds(1));
  EXPECT_TRUE(is_done());
}

TEST_F(RemainsTest, a_reload_is_not_done_before_what_is_left_of_the_old_workers_is_gone) {
  const WorkerId old = commit_one_worker();
  end_not_alone(old, signaled(SIGTERM));
  pass(config.drain_timeout);
  EXPECT_FALSE(is_done());
  EXPECT_EQ(signals(old).back(), SIGKILL);
  clear(old);
  EXPECT_TRUE(is_done());
}

// A hung file system may keep them for ever.
TEST_F(RemainsTest, a_reload_waits_only_a_moment_for_what_got_sigkill) {
  const WorkerId old = commit_one_worker();
  end_not_alone(old, signaled(SIGTERM));
  pass(config.drain_timeout);
  pass(milliseconds(999));
  EXPECT_FALSE(is_done());
  EXPECT_EQ(pool->next_deadline(), clock.now() + milliseconds(1));
  pass(milliseconds(1));
  EXPECT_TRUE(is_done());
  clear(old);
  EXPECT_TRUE(is_done());
}

TEST_F(RemainsTest, that_got_sigkill_do_not_count_longer_because_others_get_it_later) {
  config.stop = StopMode::mixed;
  end_not_alone(commit_one_worker(), signaled(SIGTERM));
  pass(milliseconds(500));
  EXPECT_FALSE(is_done());
  end_not_alone(worker(0).id, signaled(SIGABRT));
  pass(milliseconds(500));
  EXPECT_TRUE(is_done());
}

TEST_F(RemainsTest, that_got_sigkill_hold_up_no_later_reload) {
  config.stop = StopMode::mixed;
  const WorkerId first = commit_one_worker();
  end_not_alone(first, signaled(SIGTERM));
  EXPECT_FALSE(is_done());
  pass(seconds(1));
  EXPECT_TRUE(is_done());
  const WorkerId second = worker(0).id;
  reload();
  pool->step(event::WorkerReady{staying(0).back().id});
  end_not_alone(second, signaled(SIGTERM));
  EXPECT_FALSE(is_done()) << "these got it just now";
  clear(second);
  pass(seconds(1));
  EXPECT_TRUE(is_done());
  clear(first);
  EXPECT_EQ(pool->next_deadline(), std::nullopt);
}

TEST_F(RemainsTest, of_a_crash_that_was_the_new_versions_hold_up_no_reload) {
  const WorkerId old = commit_one_worker();
  end(old, exited(0));
  end_not_alone(worker(0).id, signaled(SIGSEGV));
  EXPECT_TRUE(is_done());
}

}  // namespace
}  // namespace preforkd
