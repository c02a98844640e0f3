// SPDX-License-Identifier: MIT
// Reloads that fail, and what happens to workers while one runs.
#include "master/pool/rollout.hpp"

#include <set>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using RolloutFailure = PoolTest;

TEST_F(RolloutFailure, a_new_worker_that_dies_during_its_soak_fails_the_reload) {
  config.reload.soak = seconds(5);
  start_ready();
  reload();
  ready_all();
  pass(seconds(4));
  end(staying(0).back().id, exited(0));
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_FALSE(observer.reloads[0].ok);
  EXPECT_EQ(generations(), std::set{1U});
}

TEST_F(RolloutFailure, a_new_worker_that_is_not_ready_in_time_fails_the_reload) {
  start_ready();
  reload();
  const WorkerId late = staying(0).back().id;
  pool->step(event::WorkerHeard{late});
  pass(config.start_timeout);
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_EQ(observer.reloads[0].text, "slot 0: the new worker failed: start-timeout");
  ASSERT_TRUE(observer.reloads[0].failure);
  EXPECT_EQ(observer.reloads[0].failure->cause, ExitCause::start_timeout);
  EXPECT_EQ(signals(late), std::vector{SIGKILL});
}

TEST_F(RolloutFailure, the_reload_of_a_program_that_never_says_ready_says_what_to_set) {
  start_ready();
  reload();
  pass(config.start_timeout);
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_EQ(observer.reloads[0].text,
            "slot 0: the new worker failed: start-timeout (it did not send READY=1 (sd_notify(3)) within "
            "start_timeout; for a program without sd_notify set \"ready\": \"exec\" and run preforkctl reload, "
            "also while the unit is starting)");
}

TEST_F(RolloutFailure, a_fork_that_fails_fails_the_reload) {
  start_ready();
  launcher.failures.assign(1, os_failure(EAGAIN).value());
  reload();
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_EQ(observer.reloads[0].text, "slot 0: cannot start the new worker: Resource temporarily unavailable (EAGAIN)");
  EXPECT_FALSE(observer.reloads[0].failure);
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(RolloutFailure, nobody_is_told_that_a_process_leaves_which_never_was) {
  config.reload.max_surge = 3U;
  start_ready();
  launcher.failures.assign(3, os_failure(EAGAIN).value());
  reload();
  EXPECT_EQ(observer.reloads.size(), 1U);
  EXPECT_TRUE(observer.draining.empty());
  EXPECT_EQ(pool->draining_count(), 0U);
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(RolloutFailure, a_new_worker_that_leaves_by_itself_fails_the_reload) {
  start_ready();
  reload();
  const WorkerId id = staying(0).back().id;
  pool->step(event::WorkerReady{id});
  pool->step(event::WorkerStopping{id});
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_FALSE(observer.reloads[0].ok);
}

TEST_F(RolloutFailure, a_failure_in_a_later_batch_brings_the_old_generation_back_without_a_gap) {
  start_ready();
  reload();
  pool->step(event::WorkerReady{staying(0).back().id});  // slot 0 is switched, slot 1 has a candidate
  let_leave();
  ASSERT_EQ(worker(0).generation, 2U);
  end(staying(1).back().id, signaled(SIGSEGV));
  ASSERT_EQ(observer.reloads.size(), 1U);
  const WorkerId stale = worker(2).generation == 2 ? worker(2).id : staying(0).front().id;
  EXPECT_TRUE(signals(stale).empty()) << "it serves until one of the old generation is ready";
  EXPECT_EQ(pool->ready_count(), 3U);
  settle();
  EXPECT_EQ(generations(), std::set{1U});
  EXPECT_EQ(pool->generation(), 1U);
}

TEST_F(RolloutFailure, a_crashed_old_worker_is_replaced_by_one_of_its_own_generation_until_the_commit) {
  start_ready();
  reload();
  end(worker(2).id, signaled(SIGSEGV));
  EXPECT_EQ(worker(2).generation, 1U);
  end(staying(0).front().id, signaled(SIGSEGV));
  ASSERT_EQ(staying(0).size(), 2U);
  EXPECT_EQ(staying(0).back().generation, 1U);
  EXPECT_TRUE(observer.reloads.empty());
  settle();
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(RolloutFailure, a_candidate_that_is_the_only_ready_one_of_its_slot_stays_when_the_reload_fails) {
  config.reload.max_surge = 2U;
  start_ready();
  reload();
  const WorkerId serving = staying(0).back().id;
  pool->step(event::WorkerReady{serving});
  end(staying(0).front().id, signaled(SIGSEGV));  // the old one; its replacement starts
  end(staying(1).back().id, exited(1));           // the other candidate: the reload fails
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_TRUE(signals(serving).empty());
  EXPECT_EQ(pool->ready_count(), 3U);
  settle();
  EXPECT_EQ(generations(), std::set{1U});
}

TEST_F(RolloutFailure, shrinks_during_a_reload_without_failing_it) {
  config.reload.max_surge = 3U;
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{1}));
  settle();
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_TRUE(observer.reloads[0].ok);
  EXPECT_EQ(pool->target(), 1U);
  EXPECT_EQ(pool->workers().size(), 1U);
}

}  // namespace
}  // namespace preforkd
