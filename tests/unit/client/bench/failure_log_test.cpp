// SPDX-License-Identifier: MIT
#include "client/bench/failure_log.hpp"

#include <gtest/gtest.h>

#include <set>

namespace preforkd::client {
namespace {

TEST(FailureLogTest, counts_each_kind_apart_and_keeps_the_first_ones) {
  FailureLog log(2);
  log.add({nanoseconds(1), 7, FailureKind::reset, 3, "first"});
  log.add({nanoseconds(2), 8, FailureKind::wrong_reply, 1, "second"});
  log.add({nanoseconds(3), 9, FailureKind::reset, 0, "third"});
  EXPECT_EQ(log.count(), 3u);
  EXPECT_EQ(log.count(FailureKind::reset), 2u);
  EXPECT_EQ(log.count(FailureKind::wrong_reply), 1u);
  EXPECT_EQ(log.count(FailureKind::closed_idle), 0u);
  EXPECT_EQ(log.requests_lost(), 4u);
  ASSERT_EQ(log.first().size(), 2u);
  EXPECT_EQ(log.first()[1].reason, "second");
  EXPECT_EQ(log.first()[1].connection, 8u);
}

TEST(FailureLogTest, names_every_kind_differently) {
  std::set<std::string_view> names;
  for (std::size_t kind = 0; kind < failure_kinds; ++kind) names.insert(to_string(static_cast<FailureKind>(kind)));
  EXPECT_EQ(names.size(), failure_kinds);
  EXPECT_FALSE(names.contains("unknown"));
}

}  // namespace
}  // namespace preforkd::client
