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

TEST(Deadlines, come_due_in_order_of_time_whatever_is_set_moved_and_cleared) {
  std::mt19937 random(7);
  Deadlines deadlines;
  std::deque<Deadline> all;
  for (std::uint64_t key = 0; key < 300; ++key) all.emplace_back(Deadline::Kind::retry, key);
  std::multiset<Instant> expected;
  deadlines.observe(start);
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

TEST(Deadlines, are_not_due_before_their_time) {
  Deadlines deadlines;
  Deadline one(Deadline::Kind::response, 1);
  deadlines.observe(start);
  deadlines.set(one, start + seconds(1));
  EXPECT_EQ(deadlines.take_due(start + seconds(1) - Duration(1)), nullptr);
  EXPECT_EQ(deadlines.take_due(start + seconds(1)), &one);
  EXPECT_FALSE(one.armed());
  EXPECT_EQ(deadlines.take_due(start + seconds(1)), nullptr);
}

TEST(Deadlines, of_responses_get_back_the_time_in_which_nobody_looked) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::response, 1);
  Deadline hang(Deadline::Kind::response, 2);
  deadlines.observe(start);
  deadlines.set(drain, start + seconds(5));
  deadlines.set(hang, start + seconds(20));
  deadlines.observe(start + seconds(2));
  deadlines.observe(start + minutes(10));
  EXPECT_EQ(deadlines.take_due(start + minutes(10)), nullptr);
  EXPECT_EQ(deadlines.time_of(drain), start + minutes(10) + seconds(3));
  EXPECT_EQ(deadlines.time_of(hang), start + minutes(10) + seconds(18));
  EXPECT_EQ(deadlines.next(), start + minutes(10) + seconds(3));
}

TEST(Deadlines, are_kept_when_the_loop_is_a_little_late) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::response, 1);
  deadlines.observe(start);
  deadlines.set(drain, start + seconds(5));
  deadlines.observe(start + seconds(5) + Deadlines::tolerance);
  EXPECT_EQ(deadlines.take_due(start + seconds(5) + Deadlines::tolerance), &drain);
}

TEST(Deadlines, that_hurt_nobody_are_due_however_late_the_loop_is) {
  Deadlines deadlines;
  Deadline retry(Deadline::Kind::retry, 1);
  deadlines.observe(start);
  deadlines.set(retry, start + seconds(5));
  deadlines.observe(start + minutes(10));
  EXPECT_EQ(deadlines.take_due(start + minutes(10)), &retry);
}

TEST(Deadlines, a_long_sleep_with_nothing_due_is_no_lateness) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::response, 1);
  deadlines.observe(start);
  deadlines.set(drain, start + minutes(30));
  deadlines.observe(start + minutes(29));
  EXPECT_EQ(deadlines.time_of(drain), start + minutes(30));
}

// A master that runs only now and then, with a different delay each time or always the same one.
TEST(Deadlines, a_hung_worker_is_killed_in_bounded_time_however_late_each_look_is) {
  for (const bool at_random : {false, true}) {
    for (const Duration late :
         {Deadlines::tolerance + milliseconds(1), Duration(milliseconds(900)), Duration(seconds(7))}) {
      for (const Duration span : {Duration(milliseconds(100)), Duration(milliseconds(500)), Duration(seconds(30))}) {
        std::mt19937 random(3);
        Deadlines deadlines;
        Deadline hang(Deadline::Kind::hang, 1);
        Instant now = start;
        deadlines.observe(now);
        deadlines.set(hang, now + span);
        const Duration bound = (1 + Deadlines::max_moves) * (span + late);
        while (deadlines.take_due(now) == nullptr) {
          ASSERT_LE(now - start, bound) << span.count() << ' ' << late.count();
          now = *deadlines.next() + late;
          if (at_random) now -= Duration(static_cast<Duration::rep>(random() % static_cast<unsigned>(late.count())));
          deadlines.observe(now);
        }
      }
    }
  }
}

TEST(Deadlines, pauses_of_any_length_kill_nobody_as_many_as_are_granted) {
  std::mt19937 random(5);
  for (int turn = 0; turn < 1000; ++turn) {
    Deadlines deadlines;
    Deadline drain(Deadline::Kind::response, 1);
    Instant now = start;
    deadlines.observe(now);
    deadlines.set(drain, now + seconds(30));
    Duration heard{0};
    for (int pause = 0; pause < Deadlines::max_moves; ++pause) {
      const Duration awake = milliseconds(random() % 10000);
      deadlines.observe(now += awake);
      heard += awake;
      deadlines.observe(now += minutes(1 + random() % 1000));
      ASSERT_EQ(deadlines.take_due(now), nullptr);
    }
    ASSERT_EQ(deadlines.time_of(drain), now + seconds(30) - heard) << "it gets back all the time it had left";
  }
}

TEST(Deadlines, a_move_is_told_once_and_again_after_a_quiet_minute) {
  Deadlines deadlines;
  Deadline drain(Deadline::Kind::response, 1);
  deadlines.observe(start);
  deadlines.set(drain, start + seconds(30));
  EXPECT_EQ(deadlines.take_move(), std::nullopt);
  deadlines.observe(start + seconds(50));
  EXPECT_EQ(deadlines.take_move(), seconds(50));
  EXPECT_EQ(deadlines.take_move(), std::nullopt);
  deadlines.set(drain, start + seconds(60));
  deadlines.observe(start + seconds(61));
  EXPECT_EQ(deadlines.take_move(), std::nullopt) << "it belongs to the same pause";
  deadlines.set(drain, start + seconds(150));
  deadlines.observe(start + seconds(160));
  EXPECT_EQ(deadlines.take_move(), seconds(99));
}

}  // namespace
}  // namespace preforkd
