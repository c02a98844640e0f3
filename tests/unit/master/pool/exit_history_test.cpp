// SPDX-License-Identifier: MIT
#include "master/pool/exit_history.hpp"

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

TEST(ExitHistory, TellsTheNewestFirst) {
  ExitHistory history;
  for (std::uint64_t id = 1; id <= 3; ++id) history.add(record(id));
  const auto newest = history.newest(2);
  ASSERT_EQ(newest.size(), 2U);
  EXPECT_EQ(newest[0].id, WorkerId{3});
  EXPECT_EQ(newest[1].id, WorkerId{2});
}

TEST(ExitHistory, KeepsTheLast64) {
  ExitHistory history;
  for (std::uint64_t id = 1; id <= 1000; ++id) history.add(record(id));
  const auto newest = history.newest(1000);
  ASSERT_EQ(newest.size(), ExitHistory::capacity);
  for (std::uint64_t back = 0; back < newest.size(); ++back) EXPECT_EQ(newest[back].id, WorkerId{1000 - back});
}

TEST(ExitHistory, CountsEveryCauseForEver) {
  ExitHistory history;
  for (std::uint64_t id = 1; id <= 200; ++id)
    history.add(record(id, id % 2 ? ExitCause::oom : ExitCause::recycled, id % 2));
  EXPECT_EQ(history.count(ExitCause::oom), 100U);
  EXPECT_EQ(history.count(ExitCause::recycled), 100U);
  EXPECT_EQ(history.count(ExitCause::hang), 0U);
  EXPECT_EQ(history.crashes(), 100U);
  EXPECT_EQ(history.total(), 200U);
}

TEST(ExitHistory, IsEmptyAtFirst) { EXPECT_TRUE(ExitHistory{}.newest(64).empty()); }

}  // namespace
}  // namespace preforkd
