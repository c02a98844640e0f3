// SPDX-License-Identifier: MIT
#include "ctl/output/watch_frame.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "ctl/output/printable.hpp"

#include "unit/lines_of.hpp"

namespace preforkd::ctl {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

WorkerRow row(std::uint32_t slot, std::uint64_t connections, std::uint64_t memory) {
  WorkerRow each;
  each.worker.slot = slot;
  each.worker.pid = 100 + slot;
  each.worker.counters.connections = connections;
  each.worker.memory_bytes = memory;
  return each;
}

std::vector<std::uint32_t> slots(std::vector<WorkerRow> rows, WatchOrder order) {
  sort_rows(rows, order);
  std::vector<std::uint32_t> all;
  for (const WorkerRow& each : rows) all.push_back(each.worker.slot);
  return all;
}

TEST(WatchFrame, keys_choose_and_reverse_the_order) {
  const std::vector<WorkerRow> rows{row(2, 5, 10), row(0, 9, 20), row(1, 5, 30)};
  WatchOrder order;
  EXPECT_THAT(slots(rows, order), ElementsAre(0, 1, 2));
  EXPECT_TRUE(take_key(order, 'c'));
  EXPECT_THAT(slots(rows, order), ElementsAre(0, 2, 1)) << "equal ones stay as they were";
  EXPECT_TRUE(take_key(order, 'm'));
  EXPECT_THAT(slots(rows, order), ElementsAre(1, 0, 2));
  EXPECT_TRUE(take_key(order, 'R'));
  EXPECT_THAT(slots(rows, order), ElementsAre(2, 0, 1));
  for (const char key : {'x', '\0', '\x1b', ' '}) EXPECT_FALSE(take_key(order, key));
}

TEST(WatchFrame, never_has_more_lines_or_columns_than_the_terminal) {
  PoolSnapshot pool;
  pool.name = "echo";
  pool.state = "running";
  pool.listeners = {{"l0", std::string(200, 'x'), 1, 2}};
  std::vector<WorkerRow> rows;
  for (std::uint32_t slot = 0; slot < 50; ++slot) rows.push_back(row(slot, 1, 1));
  Style style;
  style.unicode = false;
  for (const std::size_t height : {1U, 2U, 5U, 10U, 24U, 100U}) {
    for (const std::size_t columns : {1U, 9U, 100U}) {
      style.columns = columns;
      const auto lines = lines_of(watch_frame({pool, rows, {}, "", 5}, style, height));
      EXPECT_LE(lines.size(), height);
      EXPECT_THAT(lines.back(), testing::StartsWith(columns < 9 ? "" : "q quit"));
      for (const std::string& line : lines) EXPECT_LE(display_width(line), columns) << line;
    }
  }
  EXPECT_THAT(watch_frame({pool, rows, {}, "", 5}, style, 10), HasSubstr("and 47 more workers"));
  EXPECT_THAT(watch_frame({pool, rows, {}, "", 5}, style, 5), HasSubstr("and 50 more workers"))
      << "there is none beyond";
}

TEST(WatchFrame, what_is_not_counted_is_not_shown_as_0) {
  PoolSnapshot pool;
  pool.counters.counts = false;
  WorkerRow foreign = row(0, 0, 1);
  foreign.worker.counters.counts = false;
  Style style;
  style.unicode = false;
  style.columns = 150;
  const std::string text = watch_frame({pool, {foreign}, {}, "", 5}, style, 10);
  EXPECT_THAT(text, HasSubstr("load not counted, 0 crashes"));
  EXPECT_THAT(text, testing::ContainsRegex("0 +100 +- +0 +- +- +- +1B"));
}

}  // namespace
}  // namespace preforkd::ctl
