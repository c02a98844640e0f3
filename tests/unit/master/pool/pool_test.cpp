// SPDX-License-Identifier: MIT
#include "master/pool/pool.hpp"

#include <algorithm>
#include <cerrno>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using Tells = PoolTest;

TEST_F(Tells, the_observer_hears_a_workers_whole_story_in_order) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start();
  ASSERT_EQ(observer.started.size(), 1U);
  EXPECT_EQ(observer.started[0].state, WorkerState::starting);
  const WorkerId id = observer.started[0].id;
  pool->step(event::WorkerReady{id});
  ASSERT_EQ(observer.ready.size(), 1U);
  EXPECT_EQ(observer.ready[0].ready_at, clock.now());
  pool->step(event::Stop{});
  ASSERT_EQ(observer.draining.size(), 1U);
  EXPECT_EQ(observer.draining[0].why, ExitCause::operator_request);
  EXPECT_EQ(observer.draining[0].worker.drain_deadline, clock.now() + config.drain_timeout);
  pass(config.drain_timeout);
  ASSERT_EQ(observer.killed.size(), 1U);
  EXPECT_EQ(observer.killed[0].signal, SIGKILL);
  end(id, signaled(SIGKILL));
  ASSERT_EQ(observer.exited.size(), 1U);
  EXPECT_EQ(observer.exited[0].started_at, clock.now() - config.drain_timeout);
  EXPECT_EQ(observer.exited[0].ended_at, clock.now());
  using Change = std::pair<PoolState, PoolState>;
  EXPECT_EQ(observer.states, (std::vector{Change{PoolState::starting, PoolState::running},
                                          Change{PoolState::running, PoolState::stopping}}));
}

TEST_F(Tells, every_observer_is_told) {
  start();
  fakes::RecordingObserver second;
  pool->add_observer(second);
  ready_all();
  EXPECT_EQ(observer.ready.size(), 3U);
  EXPECT_EQ(second.ready.size(), 3U);
}

TEST_F(Tells, events_of_the_dead_and_the_unknown_are_ignored) {
  start_ready();
  const WorkerId dead = worker(0).id;
  end(dead, signaled(SIGKILL));
  ready_all();
  const auto exits = observer.exited.size();
  for (const WorkerId id : {dead, WorkerId{0}, WorkerId{12345}}) {
    pool->step(event::WorkerReady{id});
    pool->step(event::WorkerStopping{id});
    pool->step(event::WorkerAlive{id});
    pool->step(event::WorkerWatchdogTrigger{id});
    pool->step(event::WorkerExtends{id, seconds(1)});
    pool->step(event::WorkerMeasured{id, 1, 1});
    pool->step(event::WorkerExited{id, 1, signaled(SIGKILL)});
  }
  EXPECT_EQ(observer.exited.size(), exits);
  EXPECT_EQ(pool->ready_count(), 3U);
  EXPECT_EQ(pool->workers().size(), 3U);
  EXPECT_EQ(launcher.started.size(), 4U);
}

TEST_F(Tells, ready_said_twice_is_heard_once) {
  start_ready();
  pool->step(event::WorkerReady{worker(0).id});
  EXPECT_EQ(observer.ready.size(), 3U);
}

TEST_F(Tells, ready_of_a_worker_that_leaves_is_ignored) {
  start();
  const WorkerId id = worker(0).id;
  pool->step(event::Stop{});
  pool->step(event::WorkerReady{id});
  EXPECT_TRUE(observer.ready.empty());
  EXPECT_EQ(pool->ready_count(), 0U);
}

TEST_F(Tells, workers_are_listed_by_slot_then_age) {
  start_ready();
  EXPECT_TRUE(pool->step(event::Recycle{0}));
  const auto workers = pool->workers();
  ASSERT_EQ(workers.size(), 4U);
  EXPECT_TRUE(std::is_sorted(workers.begin(), workers.end(), [](const WorkerView& a, const WorkerView& b) {
    return a.slot < b.slot || (a.slot == b.slot && a.id < b.id);
  }));
  EXPECT_EQ(workers[1].slot, 0U);
}

TEST_F(Tells, exits_are_kept_and_counted) {
  start_ready();
  for (int crash = 0; crash < 3; ++crash) crash_and_wait(0);
  const auto exits = pool->history().newest(2);
  ASSERT_EQ(exits.size(), 2U);
  EXPECT_GT(exits[0].id, exits[1].id);
  EXPECT_EQ(pool->history().count(ExitCause::signal), 3U);
  EXPECT_EQ(pool->history().crashes(), 3U);
}

TEST_F(Tells, a_process_keeps_its_generation_alive) {
  start();
  auto launch = launcher.started[0];
  launcher.started.clear();
  launcher.alive.clear();
  pool.reset();
  EXPECT_EQ(launch.generation->config->workers.initial, 3U);
}

TEST_F(Tells, state_texts_are_those_of_the_control_interface) {
  EXPECT_EQ(to_string(PoolState::starting), "starting");
  EXPECT_EQ(to_string(PoolState::running), "running");
  EXPECT_EQ(to_string(PoolState::reloading), "reloading");
  EXPECT_EQ(to_string(PoolState::degraded), "degraded");
  EXPECT_EQ(to_string(PoolState::stopping), "stopping");
}

}  // namespace
}  // namespace preforkd
