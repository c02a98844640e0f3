// SPDX-License-Identifier: MIT
#include "master/pool/acquaintances.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using Pair = std::pair<WorkerId, WorkerId>;

class AcquaintancesTest : public PoolTest {
 protected:
  void talks(WorkerId id, std::uint32_t protocol = 1) { pool->step(event::WorkerTalks{id, protocol}); }
  // All that start.
  void become_ready() {
    for (const WorkerView& worker : pool->workers()) {
      if (worker.state == WorkerState::starting) talks(worker.id);
    }
    ready_all();
  }
  [[nodiscard]] std::set<Pair> met() const {
    std::set<Pair> pairs;
    for (const auto& [one, other] : launcher.met) pairs.insert(std::minmax(one, other));
    EXPECT_EQ(pairs.size(), launcher.met.size()) << "no two workers meet twice";
    return pairs;
  }
  [[nodiscard]] WorkerId id(unsigned slot) const { return worker(slot).id; }
};

TEST_F(AcquaintancesTest, each_two_workers_meet_when_both_are_ready) {
  start();
  for (unsigned slot = 0; slot < 3; ++slot) talks(id(slot));
  EXPECT_TRUE(met().empty());
  pool->step(event::WorkerReady{id(0)});
  EXPECT_TRUE(met().empty());
  pool->step(event::WorkerReady{id(1)});
  EXPECT_EQ(met(), (std::set<Pair>{{id(0), id(1)}}));
  pool->step(event::WorkerReady{id(2)});
  EXPECT_EQ(met(), (std::set<Pair>{{id(0), id(1)}, {id(0), id(2)}, {id(1), id(2)}}));
}

TEST_F(AcquaintancesTest, a_worker_that_does_not_talk_or_talks_otherwise_meets_no_other) {
  start();
  talks(id(0));
  talks(id(1), 2);
  ready_all();
  EXPECT_TRUE(met().empty());
}

TEST_F(AcquaintancesTest, a_worker_may_say_that_it_talks_after_it_was_ready) {
  start_ready();
  talks(id(0));
  talks(id(1));
  talks(id(1));
  EXPECT_EQ(met(), (std::set<Pair>{{id(0), id(1)}}));
}

TEST_F(AcquaintancesTest, a_replacement_meets_also_those_that_drain) {
  config.workers.initial = 1;
  start();
  become_ready();
  const WorkerId old = id(0);
  reload();
  become_ready();
  pass(minutes(1));
  ASSERT_NE(id(0), old);
  EXPECT_EQ(met(), (std::set<Pair>{{old, id(0)}}));
}

TEST_F(AcquaintancesTest, dead_workers_meet_no_other) {
  config.workers.initial = 2;
  start();
  become_ready();
  const WorkerId dead = id(0);
  const WorkerId other = id(1);
  pool->step(event::WorkerExited{dead, 1, signaled(SIGKILL), false, true});  // its keeper remains
  pass(seconds(1));
  become_ready();
  EXPECT_EQ(met(), (std::set<Pair>{{dead, other}, {other, id(0)}}));
}

TEST_F(AcquaintancesTest, only_those_in_the_first_slots_take_part) {
  config.workers = {.initial = max_talking_slots + 2, .min = 1, .max = 1000};
  start();
  for (unsigned slot = max_talking_slots + 2; slot-- > 0;) {
    talks(id(slot));
    pool->step(event::WorkerReady{id(slot)});
  }
  EXPECT_EQ(met().size(), std::size_t{max_talking_slots} * (max_talking_slots - 1) / 2);
}

// The master before may have died in the middle of an introduction.
TEST_F(AcquaintancesTest, a_next_master_introduces_all_again) {
  start();
  become_ready();
  const std::set<Pair> before = met();
  ASSERT_EQ(before.size(), 3U);
  launcher.met.clear();
  const Scheduler& scheduler = pool->scheduler();
  pool = std::make_unique<Pool>(scheduler.image(), scheduler.generations(), PoolHistory(), launcher, clock);
  pool->step(event::Tick{});
  EXPECT_EQ(met(), before);
}

}  // namespace
}  // namespace preforkd
