// SPDX-License-Identifier: MIT
// When a pool counts as started, and how long systemd is asked to wait for a start, a reload and a stop.
#include "master/pool/scheduler.hpp"

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

class SchedulerStart : public PoolTest {
 protected:
  SchedulerStart() {
    config.start_timeout = minutes(10);
    config.drain_timeout = minutes(5);
  }
  [[nodiscard]] std::optional<Duration> response_time() const {
    const auto ends = pool->scheduler().last_response_deadline();
    return ends ? std::optional(*ends - clock.now()) : std::nullopt;
  }
  void fail(unsigned slot) { end(worker(slot).id, exited(1)); }
};

TEST_F(SchedulerStart, a_pool_is_started_if_one_worker_is_ready_and_all_that_are_not_fail) {
  config.restart.never = {78};
  start();
  fail(0);  // once: replaced at once, and waited for
  pool->step(event::WorkerReady{worker(1).id});
  end(worker(2).id, exited(78));
  EXPECT_FALSE(pool->scheduler().started());
  fail(0);
  EXPECT_TRUE(pool->scheduler().started());
  EXPECT_EQ(pool->state(), PoolState::degraded);
}

TEST_F(SchedulerStart, a_pool_is_steady_if_all_its_workers_are_ready_and_none_fails) {
  const auto standing = [this] { return pool->scheduler().standing(clock.now()); };
  config.restart.never = {78};
  start();
  EXPECT_EQ(standing(), Standing::changing);
  ready_all();
  EXPECT_EQ(standing(), Standing::steady);
  fail(0);
  EXPECT_EQ(standing(), Standing::changing) << "the first time";
  fail(0);
  EXPECT_EQ(standing(), Standing::failing) << "it waits for its next try";
  pass(config.restart.delay);
  EXPECT_EQ(standing(), Standing::failing) << "it starts once more";
  ready_all();
  EXPECT_EQ(standing(), Standing::failing) << "it may fail again";
  pass(config.restart.forget_after);
  EXPECT_EQ(standing(), Standing::steady);
  end(worker(1).id, exited(78));
  EXPECT_EQ(standing(), Standing::failing) << "it is down";
  fail(0);
  EXPECT_EQ(standing(), Standing::changing) << "another one starts";
  ready_all();
  reload();
  EXPECT_EQ(standing(), Standing::changing);
}

TEST_F(SchedulerStart, a_slot_that_fails_puts_the_start_off_no_more) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  start();
  fail(0);
  EXPECT_EQ(response_time(), minutes(10));
  fail(0);
  EXPECT_EQ(response_time(), std::nullopt);
  pass(minutes(1));
  EXPECT_EQ(worker(0).state, WorkerState::starting);
  EXPECT_EQ(response_time(), std::nullopt);
  EXPECT_FALSE(pool->scheduler().started());
  pool->step(event::Stop{});
  EXPECT_EQ(response_time(), minutes(5));
}

TEST_F(SchedulerStart, a_reload_lasts_as_long_as_a_candidate_starts_and_soaks) {
  config.reload.soak = minutes(20);
  start_ready();
  EXPECT_EQ(response_time(), std::nullopt);
  reload();
  EXPECT_EQ(response_time(), minutes(10));
  ready_all();
  EXPECT_EQ(response_time(), minutes(20));
}

TEST_F(SchedulerStart, a_stop_lasts_as_long_as_its_slowest_worker_drains) {
  start_ready();
  pool->step(event::Stop{});
  EXPECT_EQ(response_time(), minutes(5));
  pool->step(event::WorkerExtends{pool->workers().front().id, minutes(50)});
  EXPECT_EQ(response_time(), minutes(50));
  pool->step(event::StopNow{});
  EXPECT_EQ(response_time(), std::nullopt);
}

}  // namespace
}  // namespace preforkd
