// SPDX-License-Identifier: MIT
#include "master/pool/pool_history.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

ExitRecord record(std::uint64_t id, ExitCause cause = ExitCause::exit, bool failed = false) {
  ExitRecord result;
  result.id = WorkerId{id};
  result.cause = cause;
  result.failed = failed;
  return result;
}

TEST(PoolHistory, tells_the_newest_first) {
  PoolHistory history;
  for (std::uint64_t id = 1; id <= 3; ++id) history.exited(record(id));
  const auto newest = history.newest(2);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].id, WorkerId{3});
  EXPECT_EQ(newest[1].id, WorkerId{2});
}

TEST(PoolHistory, keeps_the_last_64) {
  PoolHistory history;
  for (std::uint64_t id = 1; id <= 1000; ++id) history.exited(record(id));
  const auto newest = history.newest(1000);
  ASSERT_EQ(newest.size(), PoolHistory::capacity);
  for (std::uint64_t back = 0; back < newest.size(); ++back) EXPECT_EQ(newest[back].id, WorkerId{1000 - back});
}

TEST(PoolHistory, learns_later_what_became_of_a_dead_workers_connections) {
  PoolHistory history;
  for (std::uint64_t id = 1; id <= 70; ++id) history.exited(record(id));
  history.kept(WorkerId{69}, {297, 3});
  history.kept(WorkerId{2}, {1, 1});  // too long ago
  EXPECT_EQ(history.newest(2)[1].kept.moved, 297U);
  EXPECT_EQ(history.newest(2)[1].kept.closed, 3U);
  EXPECT_EQ(history.newest(2)[0].kept.all(), 0U);
}

TEST(PoolHistory, counts_all_connections_that_keepers_had) {
  PoolHistory history;
  history.count_kept({297, 3});
  history.count_kept({2, 1});
  EXPECT_EQ(history.kept().moved, 299U);
  EXPECT_EQ(history.kept().closed, 4U);
}

TEST(PoolHistory, counts_every_cause_for_ever) {
  PoolHistory history;
  for (std::uint64_t id = 1; id <= 200; ++id)
    history.exited(record(id, id % 2 ? ExitCause::oom : ExitCause::recycled, id % 2));
  EXPECT_EQ(history.count(ExitCause::oom), 100U);
  EXPECT_EQ(history.count(ExitCause::recycled), 100U);
  EXPECT_EQ(history.count(ExitCause::hang), 0U);
  EXPECT_EQ(history.crashes(), 100U);
}

TEST(PoolHistory, keeps_a_book_of_each_slot) {
  PoolHistory history;
  EXPECT_EQ(history.slot(7).starts, 0U);
  EXPECT_EQ(history.slot(7).last_cause, std::nullopt);
  history.started(2);
  EXPECT_EQ(history.restarts(), 0U);
  ExitRecord exit = record(1, ExitCause::hang, true);
  exit.slot = 2;
  history.exited(exit);
  history.started(2);
  exit = record(2, ExitCause::recycled);
  exit.slot = 2;
  history.exited(exit);
  EXPECT_EQ(history.slot(2).starts, 2U);
  EXPECT_EQ(history.slot(2).crashes, 1U);
  EXPECT_EQ(history.slot(2).last_cause, ExitCause::recycled);
  EXPECT_EQ(history.slot(2).crash_cause, ExitCause::hang);
  EXPECT_EQ(history.slot(0).starts, 0U);
  EXPECT_EQ(history.restarts(), 1U);
}

TEST(PoolHistory, is_passed_on) {
  PoolHistory before;
  before.started(0);
  for (std::uint64_t id = 1; id <= PoolHistory::capacity + 3; ++id) before.exited(record(id, ExitCause::signal, true));
  std::vector<ExitRecord> ring;
  for (std::size_t place = 0; place < PoolHistory::capacity; ++place) ring.push_back(before.at(place));
  PoolHistory after(before.counts(), {before.slot(0)}, ring);
  EXPECT_EQ(after.counts(), before.counts());
  EXPECT_EQ(after.slot(0), before.slot(0));
  EXPECT_EQ(after.newest(1).front().id, WorkerId{PoolHistory::capacity + 3});
  EXPECT_EQ(after.take_changed().size(), PoolHistory::capacity);
  after.exited(record(1000));
  EXPECT_EQ(after.take_changed(), std::set<std::size_t>{3});
  EXPECT_EQ(after.newest(2).back().id, WorkerId{PoolHistory::capacity + 3});
  ring.pop_back();
  EXPECT_EQ(PoolHistory(before.counts(), {}, ring).counts(), HistoryCounts()) << "an exit is missing";
}

TEST(PoolHistory, is_empty_at_first) { EXPECT_TRUE(PoolHistory{}.newest(64).empty()); }

}  // namespace
}  // namespace preforkd
