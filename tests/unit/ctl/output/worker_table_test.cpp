// SPDX-License-Identifier: MIT
#include "ctl/output/worker_table.hpp"

#include <gtest/gtest.h>

namespace preforkd::ctl {
namespace {

WorkerSnapshot worker(std::uint32_t slot, std::uint32_t pid, std::uint64_t requests = 0) {
  WorkerSnapshot state;
  state.slot = slot;
  state.pid = pid;
  state.state = pid == 0 ? "backoff" : "ready";
  state.counters.requests_total = requests;
  return state;
}

TEST(WorkerRows, a_slots_successor_and_those_that_drain_are_shown_too) {
  const auto rows = worker_rows({worker(0, 10), worker(1, 0)}, {{0, 9, "draining", 1, 5}, {0, 10, "ready", 2, 7}});
  ASSERT_EQ(rows.size(), 3U);
  EXPECT_EQ(rows[0].worker.pid, 10U);
  EXPECT_TRUE(rows[0].detailed);
  EXPECT_EQ(rows[1].worker.pid, 9U);
  EXPECT_FALSE(rows[1].detailed);
  EXPECT_EQ(rows[1].worker.counters.connections, 5U);
  EXPECT_EQ(rows[2].worker.state, "backoff");
}

TEST(WorkerRows, one_that_has_gone_since_is_left_out) { EXPECT_TRUE(worker_rows({worker(0, 10)}, {}).empty()); }

TEST(WorkerRows, rates_are_of_the_process_not_of_the_slot) {
  const std::vector<WorkerSnapshot> before{worker(0, 10, 100), worker(1, 11, 500)};
  auto rows = worker_rows({worker(0, 10, 150), worker(1, 12, 20)}, {{0, 10, "ready", 1, 0}, {1, 12, "ready", 1, 0}});
  add_rates(rows, before, std::chrono::milliseconds(500));
  EXPECT_DOUBLE_EQ(rows[0].requests_per_second.value(), 100);
  EXPECT_DOUBLE_EQ(rows[1].requests_per_second.value(), 40) << "a new process began with 0";
  EXPECT_DOUBLE_EQ(total_rate(rows).value(), 140);
}

TEST(WorkerRows, the_share_of_a_cpu_is_known_for_programs_that_do_not_count) {
  WorkerSnapshot then = worker(0, 10);
  then.counters.counts = false;
  then.cpu_us = 2'000'000;
  WorkerSnapshot now = then;
  now.cpu_us = 2'700'000;
  auto rows = worker_rows({now}, {{0, 10, "ready", 1, 0}});
  add_rates(rows, {then}, std::chrono::milliseconds(500));
  EXPECT_DOUBLE_EQ(rows[0].cpu_percent.value(), 140);
  EXPECT_FALSE(rows[0].requests_per_second);
}

TEST(WorkerRows, what_is_not_counted_has_no_rate) {
  WorkerSnapshot foreign = worker(0, 10);
  foreign.counters.counts = false;
  auto rows = worker_rows({foreign}, {{0, 10, "ready", 2, 0}, {0, 8, "draining", 1, 0}, {0, 9, "draining", 1, 5}});
  add_rates(rows, {foreign}, std::chrono::seconds(1));
  EXPECT_FALSE(total_rate(rows));
  EXPECT_FALSE(rows[1].worker.counters.counts) << "as the others do not";
  EXPECT_TRUE(rows[2].worker.counters.counts) << "it has connections";
}

TEST(WorkerRows, without_a_span_there_is_no_rate) {
  auto rows = worker_rows({worker(0, 10, 5)}, {{0, 10, "ready", 1, 0}});
  add_rates(rows, {}, std::chrono::seconds(0));
  EXPECT_FALSE(total_rate(rows));
}

}  // namespace
}  // namespace preforkd::ctl
