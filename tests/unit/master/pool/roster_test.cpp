// SPDX-License-Identifier: MIT
#include "master/pool/roster.hpp"

#include <gtest/gtest.h>

#include <csignal>

namespace preforkd {
namespace {

class RosterTest : public ::testing::Test {
 protected:
  static std::shared_ptr<const Generation> generation(unsigned number) {
    return std::make_shared<const Generation>(Generation{number, std::make_shared<const PoolConfig>()});
  }
  Worker& start(unsigned slot, Place place, unsigned number = 1) {
    roster.start(roster.slot(slot), generation(number), place, now);
    Slot& its_slot = roster.slot(slot);
    return place == Place::current ? *its_slot.current : *its_slot.candidate;
  }

  Roster roster{1};
  Instant now{std::chrono::hours(1)};
};

TEST_F(RosterTest, a_slot_counts_as_ready_once_however_many_of_its_workers_are) {
  roster.ready(start(0, Place::current), now);
  EXPECT_EQ(roster.ready_slots(), 1U);
  roster.ready(start(0, Place::candidate), now);
  EXPECT_EQ(roster.ready_slots(), 1U);
  EXPECT_EQ(roster.pairs(), 1U);
  roster.drain(*roster.slot(0).current, ExitCause::reloaded, now);
  EXPECT_EQ(roster.ready_slots(), 1U);
  EXPECT_EQ(roster.pairs(), 0U);
  roster.promote(roster.slot(0));
  EXPECT_EQ(roster.ready_slots(), 1U);
  roster.remove(*roster.slot(0).current);
  EXPECT_EQ(roster.ready_slots(), 0U);
}

TEST_F(RosterTest, generations_drain_until_their_last_worker_is_gone) {
  Worker& first = start(0, Place::current, 1);
  Worker& second = start(1, Place::current, 1);
  Worker& third = start(2, Place::current, 2);
  for (Worker* const worker : {&first, &second, &third}) roster.drain(*worker, ExitCause::reloaded, now);
  EXPECT_EQ(roster.draining(), 3U);
  EXPECT_EQ(roster.draining_generations(3, 4), 2U);
  EXPECT_EQ(roster.draining_generations(2, 3), 1U);
  roster.remove(first);
  EXPECT_EQ(roster.draining_generations(2, 3), 1U);
  roster.remove(second);
  EXPECT_EQ(roster.draining_generations(2, 3), 0U);
}

TEST_F(RosterTest, ids_are_never_used_again) {
  const WorkerId first = start(0, Place::current).id;
  roster.remove(*roster.find(first));
  EXPECT_EQ(roster.find(first), nullptr);
  EXPECT_NE(start(0, Place::current).id, first);
}

TEST_F(RosterTest, a_worker_that_is_gone_leaves_no_deadline) {
  Worker& worker = start(0, Place::current);
  roster.drain(worker, ExitCause::reloaded, now);
  EXPECT_NE(roster.deadlines().next(), std::nullopt);
  roster.remove(worker);
  EXPECT_EQ(roster.deadlines().next(), std::nullopt);
}

TEST_F(RosterTest, a_killed_worker_counts_in_its_slot_until_it_is_gone_and_once) {
  Worker& worker = start(0, Place::current);
  roster.kill(worker, ExitCause::hang, SIGABRT, std::chrono::seconds(1), now);
  roster.kill(worker, ExitCause::drain_timeout, SIGKILL, std::nullopt, now);
  EXPECT_EQ(roster.slot(0).killed, 1U);
  EXPECT_EQ(worker.leaving, ExitCause::hang) << "the first reason stays";
  EXPECT_FALSE(worker.response_deadline.armed());
  roster.remove(worker);
  EXPECT_EQ(roster.slot(0).killed, 0U);
}

}  // namespace
}  // namespace preforkd
