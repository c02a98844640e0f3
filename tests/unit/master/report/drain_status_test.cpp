// SPDX-License-Identifier: MIT
#include "master/report/drain_status.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <time.h>

#include <map>

#include "master/report/pool_status.hpp"
#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// All times of day in UTC.
class DrainStatus : public PoolTest {
 protected:
  DrainStatus() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
  ~DrainStatus() override {
    unsetenv("TZ");
    tzset();
  }

  // 2026-11-23 15:04:05 UTC, and a bit.
  static WallTime three_o_clock() {
    return std::chrono::system_clock::from_time_t(1795446245) - std::chrono::milliseconds(600);
  }

  [[nodiscard]] WorkerFacts facts(WorkerId id) const {
    WorkerFacts facts;
    const auto found = connections.find(id);
    if (found != connections.end()) facts.counters = {.counts = true, .connections = found->second};
    return facts;
  }
  [[nodiscard]] std::string line() const {
    return status_line(
        *pool, [this](WorkerId id) { return facts(id); }, std::nullopt, clock.now(), three_o_clock());
  }

  std::map<WorkerId, std::uint64_t> connections;
};

GenerationDrain drain(unsigned generation, unsigned workers) {
  GenerationDrain drain;
  drain.generation = generation;
  drain.workers = workers;
  return drain;
}

WorkerView view(unsigned id, unsigned generation, WorkerState state, int deadline) {
  WorkerView worker;
  worker.id = WorkerId{id};
  worker.generation = generation;
  worker.state = state;
  if (deadline > 0) worker.drain_deadline = Instant(seconds(deadline));
  return worker;
}

TEST_F(DrainStatus, counts_workers_and_connections_of_each_generation_and_takes_the_last_deadline) {
  connections = {{WorkerId{1}, 2}, {WorkerId{2}, 3}, {WorkerId{3}, 100}};
  const std::vector<WorkerView> workers{view(4, 2, WorkerState::draining, 0), view(2, 1, WorkerState::draining, 20),
                                        view(1, 1, WorkerState::draining, 10), view(3, 1, WorkerState::ready, 0)};
  GenerationDrain first = drain(1, 2);
  first.connections = 5;
  first.deadline = Instant(seconds(20));
  EXPECT_THAT(drains_of(workers, [this](WorkerId id) { return facts(id); }), ElementsAre(first, drain(2, 1)));
  EXPECT_THAT(drains_of({}, nullptr), IsEmpty());
  WorkerView keeper = view(5, 3, WorkerState::draining, 10);
  keeper.remains = keeper.moves = true;
  EXPECT_THAT(drains_of({keeper}, [this](WorkerId id) { return facts(id); }), IsEmpty());
}

TEST_F(DrainStatus, says_the_time_of_day_of_the_deadline_and_the_date_if_that_is_not_today) {
  GenerationDrain one = drain(3, 1);
  one.connections = 1;
  one.deadline = Instant(seconds(130));
  EXPECT_EQ(describe({one}, Instant(seconds(100)), three_o_clock()),
            "1 worker of generation 3 with 1 connection until 15:04:35");
  EXPECT_EQ(describe({one}, Instant(seconds(130)), three_o_clock()),
            "1 worker of generation 3 with 1 connection until 15:04:05");
  one.deadline = Instant(hours(24));
  EXPECT_EQ(describe({one}, Instant(seconds(0)), three_o_clock()),
            "1 worker of generation 3 with 1 connection until 2026-11-24 15:04:05");
}

TEST_F(DrainStatus, as_time_passes_the_text_stays_the_same) {
  GenerationDrain one = drain(3, 1);
  one.deadline = Instant(seconds(130));
  for (int passed = 0; passed < 30'000; passed += 70) {
    EXPECT_EQ(describe({one}, Instant(seconds(100)) + milliseconds(passed), three_o_clock() + milliseconds(passed)),
              "1 worker of generation 3 until 15:04:35");
  }
}

TEST_F(DrainStatus, lists_a_few_generations_only) {
  EXPECT_EQ(describe({drain(1, 2), drain(2, 1)}, {}, {}),
            "2 workers of generation 1 (killed), 1 worker of generation 2 (killed)");
  EXPECT_EQ(describe({drain(1, 1), drain(2, 1), drain(3, 1), drain(4, 1), drain(5, 1), drain(6, 1)}, {}, {}),
            "1 worker of generation 1 (killed), 1 worker of generation 2 (killed), 1 worker of generation 3 (killed), "
            "1 worker of generation 4 (killed) and 2 generations more");
}

TEST_F(DrainStatus, is_part_of_the_status_line_only_while_something_drains) {
  config.workers = {.initial = 1, .min = 1, .max = 1};
  config.drain_timeout = seconds(30);
  config.reload.max_draining = 1;
  start_ready();
  EXPECT_EQ(line(), "1/1 workers ready, generation 1");
  connections[worker(0).id] = 4;
  reload();
  ready_all();
  EXPECT_EQ(line(),
            "1/1 workers ready, generation 2; draining: 1 worker of generation 1 with 4 connections until 15:04:35");
  reload();
  EXPECT_EQ(line(),
            "1/1 workers ready, reloading, generation 2, the reload waits for older generations; draining: 1 worker of "
            "generation 1 with 4 connections until 15:04:35");
  pass(seconds(30));
  EXPECT_EQ(
      line(),
      "1/1 workers ready, reloading, generation 2; draining: 1 worker of generation 1 with 4 connections (killed)");
  let_leave();
  ready_all();
  let_leave();
  EXPECT_EQ(line(), "1/1 workers ready, generation 3");
}

}  // namespace
}  // namespace preforkd
