// SPDX-License-Identifier: MIT
#include "master/pool/rebalance.hpp"

#include <algorithm>
#include <csignal>
#include <tuple>
#include <vector>

#include "unit/master/pool/pool_fixture.hpp"

namespace preforkd {
namespace {

using Moved = std::vector<std::tuple<WorkerId, WorkerId, std::uint32_t>>;

// Workers whose connections may move. Nothing happens unasked, unless a test turns it on.
class RebalanceTest : public PoolTest {
 protected:
  static constexpr Duration rest = std::chrono::milliseconds(10);

  RebalanceTest() { config.rebalance = RebalanceMode::off; }

  void start_with(const std::vector<std::uint64_t>& loads) {
    config.workers.initial = static_cast<unsigned>(loads.size());
    start();
    for (unsigned slot = 0; slot < loads.size(); ++slot) begin_work(slot, loads[slot]);
  }
  void begin_work(unsigned slot, std::uint64_t load, std::uint64_t framing = 5) {
    const WorkerId worker = id(slot);
    launcher.loads[worker] = load;
    pool->step(event::WorkerMoves{worker, {1, framing}});
    pool->step(event::WorkerReady{worker});
  }
  [[nodiscard]] WorkerId id(unsigned slot) const { return worker(slot).id; }
  // Each giver gives all that it was asked for, until no one is asked any more. Returns the loads, by slot.
  std::vector<std::uint64_t> let_give() {
    for (std::size_t done = 0; done < launcher.moved.size(); ++done) {
      const auto [giver, taker, max] = launcher.moved[done];
      launcher.loads[giver] -= max;
      launcher.loads[taker] += max;
      pool->step(event::WorkerGave{giver, max});
    }
    return loads();
  }
  [[nodiscard]] std::vector<std::uint64_t> loads() const {
    std::vector<std::uint64_t> all;
    for (unsigned slot = 0; slot < pool->target(); ++slot) all.push_back(launcher.loads.at(id(slot)));
    return all;
  }
};

TEST_F(RebalanceTest, moves_connections_until_the_workers_are_even) {
  start_with({20, 20, 0, 0});
  EXPECT_TRUE(launcher.moved.empty());
  EXPECT_TRUE(pool->step(event::Rebalance{}));
  EXPECT_EQ(launcher.moved.size(), 2U) << "two pairs at once";
  EXPECT_EQ(let_give(), (std::vector<std::uint64_t>{10, 10, 10, 10}));
  EXPECT_EQ(launcher.moved.size(), 2U);
}

TEST_F(RebalanceTest, one_giver_gives_to_one_taker_after_the_other) {
  start_with({40, 0, 0, 0});
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(1), 10}}));
  pool->step(event::Rebalance{});
  pool->step(event::Tick{});
  EXPECT_EQ(launcher.moved.size(), 1U) << "it gives already";
  EXPECT_EQ(let_give(), (std::vector<std::uint64_t>{10, 10, 10, 10}));
  EXPECT_EQ(launcher.moved.size(), 3U);
}

TEST_F(RebalanceTest, ends_with_any_loads) {
  for (const std::vector<std::uint64_t>& before :
       std::vector<std::vector<std::uint64_t>>{{3, 0}, {2, 0, 0}, {5, 0, 0}, {2, 2, 2, 0}, {1000, 1, 7, 500, 0}}) {
    launcher.moved.clear();
    start_with(before);
    pool->step(event::Rebalance{});
    const std::vector<std::uint64_t> after = let_give();
    const auto [fewest, most] = std::minmax_element(after.begin(), after.end());
    EXPECT_LE(*most - *fewest, std::max<std::uint64_t>(1, *most / 20)) << "from " << before.front();
  }
}

TEST_F(RebalanceTest, one_connection_or_five_percent_more_is_even) {
  start_with({1, 0});
  pool->step(event::Rebalance{});
  start_with({100, 95});
  pool->step(event::Rebalance{});
  EXPECT_TRUE(launcher.moved.empty());
  launcher.loads[id(1)] = 94;
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(1), 3}}));
}

TEST_F(RebalanceTest, a_worker_whose_connections_do_not_rest_is_not_asked_for_ever) {
  start_with({30, 0, 0});
  pool->step(event::Rebalance{});
  for (int turn = 0; turn < 10; ++turn) pool->step(event::WorkerGave{id(0), 0});
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(1), 10}, {id(0), id(2), 10}}));
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved.size(), 3U) << "asked again";
}

TEST_F(RebalanceTest, leaves_out_workers_of_another_framing_and_those_that_cannot_move) {
  config.workers.initial = 4;
  start();
  begin_work(0, 30);
  begin_work(1, 0, 6);
  pool->step(event::WorkerReady{id(2)});
  begin_work(3, 10);
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(3), 10}}));
}

TEST_F(RebalanceTest, waits_for_workers_that_start) {
  start_with({30, 0});
  pool->step(event::Resize{3});
  pool->step(event::Rebalance{});
  EXPECT_TRUE(launcher.moved.empty());
  begin_work(2, 0);
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(1), 10}}));
}

TEST_F(RebalanceTest, waits_for_the_end_of_a_reload) {
  start_with({30});
  reload();
  pool->step(event::Rebalance{});
  const WorkerId successor = staying(0).back().id;
  pool->step(event::WorkerMoves{successor, {1, 5}});
  EXPECT_TRUE(launcher.moved.empty());
}

TEST_F(RebalanceTest, a_worker_that_leaves_takes_nothing_and_gives_all) {
  start_with({30, 0, 0});
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved, (Moved{{id(0), id(1), 10}}));
  pool->step(event::Resize{1});
  pool->step(event::WorkerGave{id(0), 4});
  EXPECT_EQ(launcher.moved.size(), 1U);
  EXPECT_FALSE(launcher.introduced.empty());
}

TEST_F(RebalanceTest, a_message_that_was_lost_does_not_end_it_for_ever) {
  start_with({30, 0});
  pool->step(event::Rebalance{});
  pass(minutes(1));
  pool->step(event::Rebalance{});
  EXPECT_EQ(launcher.moved.size(), 2U);
}

TEST_F(RebalanceTest, is_refused_if_the_pool_stops) {
  start_with({30, 0});
  pool->step(event::Stop{});
  EXPECT_FALSE(pool->step(event::Rebalance{}));
  EXPECT_TRUE(launcher.moved.empty());
}

TEST_F(RebalanceTest, on_resize_follows_a_larger_pool_and_a_replaced_worker) {
  config.rebalance = RebalanceMode::on_resize;
  start_with({20, 20});
  pool->step(event::Resize{4});
  begin_work(2, 0);
  EXPECT_TRUE(launcher.moved.empty()) << "one still starts";
  begin_work(3, 0);
  pass(rest);
  EXPECT_EQ(let_give(), (std::vector<std::uint64_t>{10, 10, 10, 10}));
  launcher.moved.clear();
  end(id(1), signaled(SIGKILL));
  begin_work(1, 0);
  pass(rest);
  EXPECT_FALSE(launcher.moved.empty());
}

TEST_F(RebalanceTest, on_resize_follows_a_keeper_that_is_later_than_the_replacement) {
  config.rebalance = RebalanceMode::on_resize;
  start_with({10, 10, 10});
  const WorkerId dead = id(0);
  pool->step(event::WorkerExited{dead, 1, signaled(SIGKILL), false, true});
  begin_work(0, 0);
  let_give();
  launcher.moved.clear();
  launcher.loads[id(1)] += 10;
  pool->step(event::WorkerGave{dead, 10, 0, {}, true});
  pool->step(event::RemainsGone{dead});
  pass(rest);
  EXPECT_FALSE(launcher.moved.empty());
  for (const std::uint64_t load : let_give()) EXPECT_NEAR(static_cast<double>(load), 10.0, 1.0);
}

TEST_F(RebalanceTest, on_resize_follows_a_keeper_that_is_gone_when_the_end_of_its_hung_worker_is_seen) {
  config.rebalance = RebalanceMode::on_resize;
  start_with({10, 10, 10});
  const WorkerId dead = id(0);
  pool->step(event::WorkerWatchdogTrigger{dead});
  begin_work(0, 0);
  let_give();
  launcher.moved.clear();
  launcher.loads[id(1)] += 10;
  pool->step(event::WorkerGave{dead, 10, 0, {}, true});
  end(dead, signaled(SIGABRT));
  pass(rest);
  EXPECT_FALSE(launcher.moved.empty());
}

TEST_F(RebalanceTest, workers_that_come_and_go_do_not_make_it_look_each_time) {
  constexpr unsigned workers = 40;
  config.rebalance = RebalanceMode::on_resize;
  config.workers = {.initial = workers, .min = 1, .max = workers};
  start_with(std::vector<std::uint64_t>(workers, 10));
  pass(seconds(1));
  launcher.loads_read = 0;
  for (unsigned slot = 0; slot < workers; ++slot) {
    end(id(slot), signaled(SIGKILL));
    pass(milliseconds(1));
    begin_work(slot, 10);
  }
  EXPECT_GE(launcher.loads_read, workers);
  EXPECT_LE(launcher.loads_read, 2 * workers);
}

TEST_F(RebalanceTest, a_giver_that_dies_does_not_end_it) {
  start_with({60, 0});
  pool->step(event::Rebalance{});
  ASSERT_EQ(launcher.moved.size(), 1U);
  end(id(0), signaled(SIGKILL));
  begin_work(0, 60);
  EXPECT_EQ(launcher.moved.size(), 2U);
}

TEST_F(RebalanceTest, off_does_not) {
  start_with({20, 20});
  pool->step(event::Resize{3});
  begin_work(2, 0);
  EXPECT_TRUE(launcher.moved.empty());
}

}  // namespace
}  // namespace preforkd
