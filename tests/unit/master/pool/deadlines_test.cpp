// SPDX-License-Identifier: MIT
#include "master/pool/deadlines.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <set>

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr Instant start{std::chrono::hours(1)};

TEST(Deadlines, ComeDueInOrderOfTimeWhateverIsSetMovedAndCleared) {
  std::mt19937 random(7);
  Deadlines deadlines;
  std::deque<Deadline> all;
  for (std::uint64_t key = 0; key < 300; ++key) all.emplace_back(Deadline::Kind::retry, key);
  std::multiset<Instant> expected;
  deadlines.look(start);
  for (int turn = 0; turn < 5000; ++turn) {
    Deadline& one = all[random() % all.size()];
    if (const auto at = deadlines.time_of(one)) expected.erase(expected.find(*at));
    if (random() % 4 == 0) {
      deadlines.clear(one);
      EXPECT_FALSE(one.armed());
    } else {
      const Instant at = start + milliseconds(random() % 1000);
      deadlines.set(one, at);
      expected.insert(at);
    }
    ASSERT_EQ(deadlines.next(), expected.empty() ? std::nullopt : std::optional(*expected.begin()));
  }
  for (const Instant at : expected) {
    ASSERT_EQ(deadlines.next(), at);
    ASSERT_NE(deadlines.take_due(at), nullptr);
  }
  EXPECT_EQ(deadlines.next(), std::nullopt);
}

TEST(Deadlines, AreNotDueBeforeTheirTime) {
  Deadlines deadlines;
  Deadline one(Deadline::Kind::patience, 1);
  deadlines.look(start);
  deadlines.set(one, start + seconds(1));
  EXPECT_EQ(deadlines.take_due(start + seconds(1) - Duration(1)), nullptr);
  EXPECT_EQ(deadlines.take_due(start + seconds(1)), &one);
  EXPECT_FALSE(one.armed());
  EXPECT_EQ(deadlines.take_due(start + seconds(1)), nullptr);
}

TEST(Deadlines, OfPatienceGetBackTheTimeInWhichNobodyLooked) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::patience, 1);
  Deadline hang(Deadline::Kind::patience, 2);
  deadlines.look(start);
  deadlines.set(drain, start + seconds(5));
  deadlines.set(hang, start + seconds(20));
  deadlines.look(start + seconds(2));
  deadlines.look(start + minutes(10));
  EXPECT_EQ(deadlines.take_due(start + minutes(10)), nullptr);
  EXPECT_EQ(deadlines.time_of(drain), start + minutes(10) + seconds(3));
  EXPECT_EQ(deadlines.time_of(hang), start + minutes(10) + seconds(18));
  EXPECT_EQ(deadlines.next(), start + minutes(10) + seconds(3));
}

TEST(Deadlines, AreKeptWhenTheLoopIsALittleLate) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::patience, 1);
  deadlines.look(start);
  deadlines.set(drain, start + seconds(5));
  deadlines.look(start + seconds(5) + Deadlines::tolerance);
  EXPECT_EQ(deadlines.take_due(start + seconds(5) + Deadlines::tolerance), &drain);
}

TEST(Deadlines, ThatHurtNobodyAreDueHoweverLateTheLoopIs) {
  Deadlines deadlines;
  Deadline retry(Deadline::Kind::retry, 1);
  deadlines.look(start);
  deadlines.set(retry, start + seconds(5));
  deadlines.look(start + minutes(10));
  EXPECT_EQ(deadlines.take_due(start + minutes(10)), &retry);
}

TEST(Deadlines, ALongSleepWithNothingDueIsNoLateness) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::patience, 1);
  deadlines.look(start);
  deadlines.set(drain, start + minutes(30));
  deadlines.look(start + minutes(29));
  EXPECT_EQ(deadlines.time_of(drain), start + minutes(30));
}

}  // namespace
}  // namespace preforkd
