// SPDX-License-Identifier: MIT
#include "master/scale/load_meter.hpp"

#include <gtest/gtest.h>

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr WorkerId one{1};
constexpr WorkerId two{2};

class LoadMeterTest : public ::testing::Test {
 protected:
  PoolLoad look(const std::map<WorkerId, WorkerUsage>& workers) {
    now += seconds(1);
    meter.begin(now);
    for (const auto& [id, usage] : workers) meter.add(id, usage);
    PoolLoad load;
    meter.end(load);
    return load;
  }

  Instant now{seconds(1000)};
  LoadMeter meter;
};

TEST_F(LoadMeterTest, counts_what_each_worker_has_done_since_the_last_look) {
  EXPECT_EQ(look({{one, {seconds(100), seconds(50), false}}}).time, seconds(0));
  const PoolLoad load = look({{one, {seconds(100) + milliseconds(700), seconds(50) + milliseconds(300), false}}});
  EXPECT_EQ(load.busy, milliseconds(700));
  EXPECT_EQ(load.cpu, milliseconds(300));
  EXPECT_EQ(load.time, seconds(1));
}

TEST_F(LoadMeterTest, a_worker_counts_from_its_second_look_on) {
  static_cast<void>(look({{one, {seconds(1), {}, false}}}));
  const PoolLoad load = look({{one, {seconds(2), {}, false}}, {two, {seconds(500), {}, false}}});
  EXPECT_EQ(load.time, seconds(1));
  EXPECT_EQ(load.busy, seconds(1));
  EXPECT_EQ(look({{two, {seconds(500), {}, false}}}).time, seconds(1)) << "and one that is gone does not";
}

TEST_F(LoadMeterTest, a_worker_is_never_busier_than_all_the_time) {
  static_cast<void>(look({{one, {seconds(1), seconds(9), false}}}));
  EXPECT_EQ(look({{one, {seconds(100), seconds(9), false}}}).busy, seconds(1));
  const PoolLoad load = look({{one, {seconds(0), seconds(0), false}}});
  EXPECT_EQ(load.busy, seconds(0));
  EXPECT_EQ(load.cpu, seconds(0));
}

TEST_F(LoadMeterTest, a_pool_is_silent_if_one_of_its_workers_is) {
  EXPECT_FALSE(look({}).silent);
  EXPECT_TRUE(look({{one, {.reports_busy = true}}, {two, {}}}).silent);
  EXPECT_FALSE(look({{one, {.reports_busy = true}}, {two, {.reports_busy = true}}}).silent);
}

// Three workers of 20 with 50 connections: two of them would be full, and ten clients without a worker.
TEST_F(LoadMeterTest, workers_that_would_be_full_have_no_room_for_the_connections_of_another) {
  constexpr WorkerId three{3};
  const auto with = [](std::uint64_t connections, std::uint64_t max) {
    return WorkerUsage{.connections = connections, .max_connections = max};
  };
  static_cast<void>(look({{one, with(20, 20)}, {two, with(20, 20)}, {three, with(10, 20)}}));
  EXPECT_FALSE(meter.others_have_room(three));
  static_cast<void>(look({{one, with(20, 20)}, {two, with(20, 20)}, {three, with(0, 20)}}));
  EXPECT_FALSE(meter.others_have_room(three)) << "the pool would be full at once";
  static_cast<void>(look({{one, with(18, 20)}, {two, with(10, 20)}, {three, with(8, 20)}}));
  EXPECT_TRUE(meter.others_have_room(three));
  static_cast<void>(look({{one, with(50, 0)}, {three, with(8, 20)}}));
  EXPECT_TRUE(meter.others_have_room(three)) << "it does not say how many it accepts";
}

}  // namespace
}  // namespace preforkd
