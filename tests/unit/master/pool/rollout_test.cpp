// SPDX-License-Identifier: MIT
#include "master/pool/rollout.hpp"

#include <algorithm>
#include <set>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using RolloutTest = PoolTest;

TEST_F(RolloutTest, never_has_fewer_ready_workers_than_before) {
  start_ready();
  reload();
  for (int turn = 0; turn < 20; ++turn) {
    EXPECT_EQ(pool->ready_count(), 3U);
    ready_all();
    EXPECT_EQ(pool->ready_count(), 3U);
    let_leave();
  }
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(RolloutTest, surges_by_number_or_by_fraction_rounded_up) {
  config.workers.initial = 10;
  config.reload.max_surge = 0.25;
  start_ready();
  reload();
  EXPECT_EQ(new_workers(2), 3U);
  ready_all();
  EXPECT_EQ(new_workers(2), 6U);
  EXPECT_EQ(surge_limit(config.reload, 1), 1U);
  EXPECT_EQ(surge_limit({.max_surge = 0.1}, 10), 1U);
  EXPECT_EQ(surge_limit({.max_surge = 0.0}, 10), 1U);
  EXPECT_EQ(surge_limit({.max_surge = 9.0}, 10), 10U);
  EXPECT_EQ(surge_limit({.max_surge = 0U}, 10), 1U) << "nothing could ever be replaced";
  EXPECT_EQ(surge_limit({.max_surge = 0U, .max_unavailable = 1}, 10), 0U);
}

TEST_F(RolloutTest, a_batch_is_switched_only_when_all_of_it_is_ready) {
  config.reload.max_surge = 2U;
  start_ready();
  reload();
  pool->step(event::WorkerReady{staying(0).back().id});
  EXPECT_TRUE(observer.draining.empty());
  pool->step(event::WorkerReady{staying(1).back().id});
  EXPECT_EQ(observer.draining.size(), 2U);
}

TEST_F(RolloutTest, reaches_slots_that_wait_and_cures_them) {
  config.restart.never = {7};
  start_ready();
  end(worker(0).id, exited(7));
  end(worker(1).id, signaled(SIGSEGV));
  end(worker(1).id, signaled(SIGSEGV));
  EXPECT_EQ(pool->state(), PoolState::degraded);
  reload();
  EXPECT_EQ(new_workers(2), 3U) << "empty slots need no surge";
  settle();
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(pool->state(), PoolState::running);
  EXPECT_TRUE(pool->idle_slots().empty());
  EXPECT_EQ(crash_and_wait(1), Duration{0}) << "the new generation starts with a clean history";
}

TEST_F(RolloutTest, a_degraded_pool_stays_so_if_its_new_workers_were_ready_and_failed) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.reload.soak = seconds(5);
  start_ready();
  end(worker(0).id, signaled(SIGSEGV));
  end(worker(0).id, signaled(SIGSEGV));
  reload();
  ready_all();
  end(staying(0).back().id, exited(7));
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_FALSE(observer.reloads[0].ok);
  EXPECT_EQ(pool->ready_count(), 0U);
  EXPECT_EQ(pool->state(), PoolState::degraded);
}

TEST_F(RolloutTest, a_pool_that_waits_to_reload_lives_on) {
  config.workers = {.initial = 1, .min = 1, .max = 5};
  config.reload.max_draining = 1;
  start_ready();
  for (int turn = 0; turn < 2; ++turn) {
    reload();
    ready_all();
  }
  ASSERT_EQ(new_workers(3), 0U);
  end(worker(0).id, signaled(SIGSEGV));
  EXPECT_EQ(worker(0).generation, 2U);
  ready_all();
  EXPECT_TRUE(pool->step(event::Recycle{0}));
  EXPECT_EQ(staying(0).size(), 2U);
  EXPECT_TRUE(pool->step(event::Resize{3}));
  settle();
  EXPECT_EQ(pool->generation(), 3U);
  EXPECT_EQ(pool->ready_count(), 3U);
}

TEST_F(RolloutTest, with_max_unavailable_old_workers_make_room_once_the_new_ones_have_shown_that_they_work) {
  config.workers.initial = 5;
  config.reload.max_unavailable = 2;
  start_ready();
  reload();
  EXPECT_TRUE(observer.draining.empty()) << "the first batch only surges";
  ready_all();
  EXPECT_EQ(new_workers(2), 4U) << "one switched, one by surge, two in place of old ones";
  EXPECT_EQ(pool->ready_count(), 3U);
  settle();
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(RolloutTest, without_any_surge_workers_are_replaced_in_place) {
  config.reload.max_surge = 0U;
  config.reload.max_unavailable = 1;
  start_ready();
  reload();
  EXPECT_EQ(pool->ready_count(), 2U);
  unsigned staying_most = 0;
  for (int turn = 0; turn < 10; ++turn) {
    unsigned count = 0;
    for (const WorkerView& worker : pool->workers()) count += worker.state == WorkerState::draining ? 0 : 1;
    staying_most = std::max(staying_most, count);
    EXPECT_GE(pool->ready_count(), 2U);
    ready_all();
    let_leave();
  }
  EXPECT_EQ(staying_most, 3U);
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(RolloutTest, without_any_surge_a_crash_loop_does_not_keep_the_fix_out) {
  config.reload.max_surge = 0U;
  config.reload.max_unavailable = 1;
  start_ready();
  for (int crash = 0; crash < 3; ++crash) crash_and_wait(2);
  end(worker(2).id, signaled(SIGSEGV));
  reload();
  settle();
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(pool->ready_count(), 3U);
}

TEST_F(RolloutTest, a_pool_that_never_got_ready_can_be_reloaded) {
  start();
  reload();
  for (const WorkerView& worker : pool->workers()) {
    if (worker.generation == 2) pool->step(event::WorkerReady{worker.id});
  }
  for (int turn = 0; turn < 3; ++turn) {
    for (const WorkerView& worker : pool->workers()) {
      if (worker.generation == 2) pool->step(event::WorkerReady{worker.id});
    }
  }
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(pool->state(), PoolState::running);
}

TEST_F(RolloutTest, grows_during_a_reload) {
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{6}));
  settle();
  EXPECT_EQ(generations(), std::set{2U});
  EXPECT_EQ(pool->ready_count(), 6U);
  EXPECT_EQ(pool->target(), 6U);
}

TEST_F(RolloutTest, a_slot_that_goes_and_comes_back_during_a_reload_is_not_forgotten) {
  config.reload.max_surge = 3U;
  config.reload.soak = seconds(5);
  start_ready();
  reload();
  ready_all();
  EXPECT_TRUE(pool->step(event::Resize{2}));
  EXPECT_TRUE(pool->step(event::Resize{3}));
  EXPECT_EQ(worker(2).generation, 1U);
  for (int turn = 0; turn < 3; ++turn) {
    ready_all();
    pass(seconds(5));
  }
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(generations(), std::set{2U});
}

TEST_F(RolloutTest, an_empty_slot_that_had_to_wait_for_the_surge_is_filled_when_there_is_some) {
  config.reload.soak = minutes(1);
  start_ready();
  for (unsigned slot = 0; slot < 2; ++slot) {
    for (int crash = 0; crash < 2; ++crash) end(worker(slot).id, signaled(SIGSEGV));
  }
  reload();
  ready_all();
  ASSERT_EQ(new_workers(2), 3U) << "two in empty slots, and one by surge";
  pass(seconds(1));
  ASSERT_EQ(staying(0).size() + staying(1).size(), 2U) << "their backoffs have ended, but the surge is taken";
  for (int crash = 0; crash < 2; ++crash) {
    for (const WorkerView& worker : staying(2)) {
      if (worker.generation == 1) end(worker.id, signaled(SIGSEGV));
    }
  }
  EXPECT_EQ(staying(0).size() + staying(1).size(), 3U) << "now slot 2 waits in its backoff";
  EXPECT_TRUE(observer.reloads.empty());
}

TEST_F(RolloutTest, another_number_of_workers_in_the_config_counts_from_the_commit_on) {
  start_ready();
  config.workers = {.initial = 5, .min = 1, .max = 10};
  reload();
  EXPECT_EQ(pool->target(), 3U);
  settle();
  EXPECT_EQ(pool->target(), 5U);
  EXPECT_EQ(pool->ready_count(), 5U);
  config.workers.initial = 2;
  reload();
  settle();
  EXPECT_EQ(pool->target(), 2U);
  EXPECT_EQ(pool->workers().size(), 2U);
}

TEST_F(RolloutTest, what_an_operator_has_made_of_the_number_outlives_a_reload) {
  start_ready();
  EXPECT_TRUE(pool->step(event::Resize{7}));
  reload();
  settle();
  EXPECT_EQ(pool->target(), 7U);
}

TEST_F(RolloutTest, old_workers_keep_their_own_generations_config) {
  config.stop_signal = SIGQUIT;
  start_ready();
  const WorkerId old = worker(0).id;
  config.stop_signal = SIGTERM;
  reload();
  ready_all();
  EXPECT_EQ(signals(old), std::vector{SIGQUIT});
}

// A worker that SIGKILL does not end (a hung file system) never leaves.
TEST_F(RolloutTest, workers_that_cannot_be_ended_hold_up_no_reload) {
  config.reload.max_draining = 1;
  start_ready();
  for (unsigned generation = 2; generation < 6; ++generation) {
    reload();
    for (int turn = 0; turn < 10; ++turn) ready_all();
    EXPECT_EQ(pool->generation(), generation);
    pass(config.drain_timeout);
    for (const WorkerView& worker : pool->workers()) {
      if (worker.state == WorkerState::draining && worker.slot != 0) end(worker.id, signaled(SIGKILL));
    }
  }
}

TEST_F(RolloutTest, a_slot_with_two_workers_that_cannot_be_ended_gets_no_third_and_holds_up_no_reload) {
  start();
  pool->step(event::WorkerReady{worker(1).id});
  pool->step(event::WorkerReady{worker(2).id});
  const WorkerId first = worker(0).id;
  pass(config.start_timeout);
  pass(config.start_timeout);
  ASSERT_TRUE(staying(0).empty()) << "two in it got SIGKILL, and live";
  const std::size_t before = launcher.started.size();
  reload();
  for (int turn = 0; turn < 10; ++turn) ready_all();
  EXPECT_EQ(launcher.started.size(), before + 2);
  EXPECT_EQ(pool->generation(), 2U);
  end(first, signaled(SIGKILL));
  pass(config.restart.delay);
  EXPECT_EQ(worker(0).generation, 2U);
}

TEST_F(RolloutTest, where_no_slot_can_take_a_candidate_the_reload_waits) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start();
  const WorkerId first = worker(0).id;
  pass(config.start_timeout);
  pass(config.start_timeout);
  ASSERT_TRUE(staying(0).empty());
  reload();
  EXPECT_TRUE(observer.reloads.empty()) << "nothing shows that it works";
  end(first, signaled(SIGKILL));
  for (int turn = 0; turn < 10; ++turn) ready_all();
  EXPECT_EQ(pool->generation(), 2U);
}

TEST_F(RolloutTest, an_operator_who_wants_no_worker_gets_none_once_the_new_generation_was_tried) {
  config.workers.min = 0;
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{0}));
  EXPECT_TRUE(observer.reloads.empty());
  EXPECT_EQ(pool->target(), 1U);
  EXPECT_EQ(pool->ready_count(), 1U);
  ready_all();
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_TRUE(observer.reloads.front().ok) << observer.reloads.front().text;
  EXPECT_EQ(pool->target(), 0U);
  let_leave();
  EXPECT_TRUE(pool->workers().empty());
}

TEST_F(RolloutTest, an_operator_who_wants_no_worker_gets_none_once_the_new_generation_has_failed) {
  config.workers.min = 0;
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{0}));
  for (const WorkerView& each : staying(0)) {
    if (each.generation == 2) end(each.id, exited(1));
  }
  ASSERT_EQ(observer.reloads.size(), 1U);
  EXPECT_FALSE(observer.reloads.front().ok);
  EXPECT_EQ(pool->generation(), 1U);
  EXPECT_EQ(pool->target(), 0U);
}

TEST_F(RolloutTest, an_operator_who_wants_no_worker_keeps_one_while_one_reload_supersedes_another) {
  config.workers.min = 0;
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{0}));
  reload();
  EXPECT_EQ(pool->target(), 1U);
  EXPECT_EQ(pool->ready_count(), 1U);
  ready_all();
  EXPECT_EQ(pool->generation(), 3U);
  EXPECT_EQ(pool->target(), 0U);
}

TEST_F(RolloutTest, a_pool_without_workers_has_one_while_a_reload_waits) {
  config.workers.min = 0;
  config.reload.max_draining = 1;
  start_ready();
  reload();
  for (int turn = 0; turn < 10; ++turn) ready_all();
  ASSERT_EQ(pool->generation(), 2U);
  EXPECT_TRUE(pool->step(event::Resize{0}));
  reload();
  ASSERT_TRUE(pool->scheduler().reload_waits());
  ASSERT_EQ(staying(0).size(), 1U);
  EXPECT_EQ(staying(0).front().generation, 2U);
}

TEST_F(RolloutTest, the_load_decides_as_long_as_a_reload_waits) {
  config.workers = {.initial = 1, .min = 0, .max = 10};
  config.scale.emplace();
  config.reload.max_draining = 1;
  start_ready();
  reload();
  ready_all();
  ASSERT_EQ(pool->generation(), 2U);
  reload();
  ASSERT_TRUE(pool->scheduler().reload_waits());
  EXPECT_EQ(pool->scheduler().standing(clock.now()), Standing::steady);
  EXPECT_TRUE(pool->step(event::Scale{3}));
  ready_all();
  EXPECT_EQ(new_workers(2), 3U);
  EXPECT_FALSE(pool->step(event::Scale{0})) << "a worker must try the new config";
  let_leave();
  EXPECT_EQ(pool->scheduler().standing(clock.now()), Standing::changing);
  EXPECT_FALSE(pool->step(event::Scale{4}));
  settle();
  EXPECT_EQ(pool->generation(), 3U);
  EXPECT_EQ(pool->target(), 3U);
}

TEST_F(RolloutTest, the_load_has_nothing_to_decide_about_a_fixed_number) {
  config.scale.emplace();
  config.workers = {.initial = 2, .min = 2, .max = 3};
  start_ready();
  EXPECT_TRUE(pool->scheduler().scales());
  config.workers.max = 2;
  adopt();
  EXPECT_FALSE(pool->scheduler().scales());
}

// Its own number of workers is not that of the load.
TEST_F(RolloutTest, a_config_that_does_not_scale_has_its_number_whatever_the_load_decides_before) {
  config.workers = {.initial = 1, .min = 1, .max = 10};
  config.scale.emplace();
  config.reload.max_draining = 1;
  start_ready();
  reload();
  ready_all();
  config.scale.reset();
  config.workers.initial = 2;
  reload();
  ASSERT_TRUE(pool->scheduler().reload_waits());
  EXPECT_TRUE(pool->step(event::Scale{5}));
  settle();
  EXPECT_EQ(pool->generation(), 3U);
  EXPECT_EQ(pool->target(), 2U);
}

TEST_F(RolloutTest, an_operator_who_wants_workers_after_all_gets_them) {
  config.workers.min = 0;
  start_ready();
  reload();
  EXPECT_TRUE(pool->step(event::Resize{0}));
  EXPECT_TRUE(pool->step(event::Resize{2}));
  settle();
  EXPECT_EQ(pool->generation(), 2U);
  EXPECT_EQ(pool->target(), 2U);
}

}  // namespace
}  // namespace preforkd
