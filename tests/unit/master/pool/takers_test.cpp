// SPDX-License-Identifier: MIT
#include "master/pool/takers.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

namespace preforkd {
namespace {

// Workers of generation 1, one a slot, each ready and with a number of connections.
class TakersTest : public ::testing::Test {
 protected:
  Worker& start(unsigned slot, Place place = Place::current, std::shared_ptr<const Generation> generation = nullptr) {
    roster.start(roster.slot(slot), generation ? generation : current, place, now);
    Slot& its_slot = roster.slot(slot);
    return place == Place::current ? *its_slot.current : *its_slot.candidate;
  }
  Worker& add(unsigned slot, std::uint64_t connections, Place place = Place::current,
              std::shared_ptr<const Generation> generation = nullptr) {
    Worker& worker = start(slot, place, std::move(generation));
    worker.moves = Moves{1, 5};
    roster.ready(worker, now);
    loads[worker.id] = connections;
    return worker;
  }
  static std::shared_ptr<const Generation> generation(unsigned number) {
    return std::make_shared<const Generation>(Generation{number, std::make_shared<const PoolConfig>()});
  }

  Takers takers() { return {roster, target, *goes_to, goes_to == current ? nullptr : current.get(), load}; }
  const Worker* choose(const Worker& giver) { return takers().choose(giver); }

  Roster roster{1};
  const Instant now{std::chrono::hours(1)};
  const std::shared_ptr<const Generation> current = generation(1);
  std::shared_ptr<const Generation> goes_to = current;
  unsigned target = 4;
  std::map<WorkerId, std::uint64_t> loads;
  const Takers::Load load = [this](WorkerId id) { return loads[id]; };
};

TEST_F(TakersTest, the_one_with_the_fewest_connections_takes) {
  const Worker& giver = add(0, 1);
  add(1, 30);
  const Worker& least = add(2, 10);
  add(3, 20);
  EXPECT_EQ(choose(giver), &least);
}

TEST_F(TakersTest, the_successor_in_its_slot_is_first_whatever_it_has) {
  Worker& giver = add(1, 1);
  add(0, 0);
  roster.drain(giver, ExitCause::reloaded, now);
  const Worker& successor = add(1, 100);
  EXPECT_EQ(choose(giver), &successor);
}

TEST_F(TakersTest, so_is_a_candidate_that_soaks_after_a_crash) {
  Worker& giver = add(1, 1);
  add(0, 0, Place::candidate);
  const Worker& successor = add(1, 100, Place::candidate);
  roster.remain(giver, now);
  EXPECT_EQ(choose(giver), &successor);
}

TEST_F(TakersTest, only_ready_workers_whose_connections_may_move_take) {
  const Worker& giver = add(0, 1);
  start(1).moves = Moves{1, 5};
  roster.ready(start(2), now);
  EXPECT_EQ(choose(giver), nullptr);
}

TEST_F(TakersTest, protocol_and_framing_must_be_the_same) {
  const Worker& giver = add(0, 1);
  add(1, 0).moves = Moves{1, 6};
  add(2, 0).moves = Moves{2, 5};
  EXPECT_EQ(choose(giver), nullptr);
  const Worker& equal = add(3, 1000);
  EXPECT_EQ(choose(giver), &equal);
}

TEST_F(TakersTest, there_is_none_for_the_reason_that_its_program_is_another_one) {
  const Worker& giver = add(0, 1);
  EXPECT_EQ(takers().reason_for_none(giver), std::nullopt) << "it is alone";
  add(1, 0).moves = std::nullopt;
  target = 2;
  goes_to = generation(2);
  EXPECT_EQ(takers().reason_for_none(giver), std::nullopt) << "nobody stays";
  Worker& other = add(1, 0, Place::candidate, goes_to);
  other.moves = std::nullopt;
  EXPECT_EQ(takers().reason_for_none(giver), NotTaken::no_on_adopt);
  other.moves = Moves{1, 6};
  EXPECT_EQ(takers().reason_for_none(giver), NotTaken::framing);
  other.moves = giver.moves;
  EXPECT_EQ(takers().reason_for_none(giver), std::nullopt) << "it had its chance";
}

TEST_F(TakersTest, who_leaves_takes_nothing) {
  const Worker& giver = add(0, 1);
  roster.drain(add(1, 0), ExitCause::scaled_down, now);
  roster.leaves(add(2, 0), now);
  roster.kill(add(3, 0), ExitCause::hang, SIGABRT, std::nullopt, now);
  EXPECT_EQ(choose(giver), nullptr);
}

TEST_F(TakersTest, who_is_about_to_leave_takes_nothing) {
  const Worker& giver = add(0, 1);
  add(1, 0).replace_reason = ExitCause::recycled;
  add(2, 0, Place::current);
  const Worker& candidate = add(2, 100, Place::candidate);
  add(target, 0);  // its slot is removed
  EXPECT_EQ(choose(giver), &candidate);
}

TEST_F(TakersTest, a_candidate_that_is_not_ready_does_not_keep_the_other_from_taking) {
  const Worker& giver = add(0, 1);
  const Worker& other = add(1, 0);
  start(1, Place::candidate);
  EXPECT_EQ(choose(giver), &other);
}

TEST_F(TakersTest, in_a_reload_only_the_new_generation_takes) {
  Worker& giver = add(0, 1);
  add(1, 0);
  goes_to = generation(2);
  roster.drain(giver, ExitCause::reloaded, now);
  EXPECT_EQ(choose(giver), nullptr);
  const Worker& newer = add(2, 100, Place::current, goes_to);
  EXPECT_EQ(choose(giver), &newer);
}

// The new one may fail; then those that leave for other reasons would have closed their connections for nothing.
TEST_F(TakersTest, in_a_reload_without_a_suitable_worker_those_that_are_replaced_take_from_others) {
  Worker& giver = add(0, 1);
  Worker& superseded = add(1, 1, Place::candidate, generation(2));
  const Worker& stays = add(1, 0);
  goes_to = generation(3);
  roster.ready(start(2, Place::candidate, goes_to), now);
  roster.drain(superseded, ExitCause::reloaded, now);
  EXPECT_EQ(choose(superseded), &stays);
  roster.drain(giver, ExitCause::operator_request, now);
  EXPECT_EQ(choose(giver), &stays);
  Worker& replaced = add(3, 1);
  roster.drain(replaced, ExitCause::reloaded, now);
  EXPECT_EQ(choose(replaced), nullptr) << "it was replaced in this reload";
  const Worker& suitable = add(2, 100, Place::candidate, goes_to);
  EXPECT_EQ(choose(giver), &suitable);
}

TEST_F(TakersTest, who_left_connections_over_gets_no_second_chance) {
  Worker& giver = add(0, 1);
  const Worker& first = add(1, 0);
  const Worker& second = add(2, 100);
  giver.tried = {first.id};
  EXPECT_EQ(choose(giver), &second);
  giver.tried.push_back(second.id);
  EXPECT_EQ(choose(giver), nullptr);
}

TEST_F(TakersTest, several_givers_of_a_step_are_spread) {
  target = 2;
  Worker& first = add(2, 50);
  Worker& second = add(3, 50);
  const Worker& less = add(0, 10);
  const Worker& more = add(1, 20);
  for (Worker* const giver : {&first, &second}) roster.drain(*giver, ExitCause::scaled_down, now);
  Takers takers = this->takers();
  EXPECT_EQ(takers.choose(first), &less);
  EXPECT_EQ(takers.choose(second), &more);
}

TEST_F(TakersTest, what_is_on_its_way_counts) {
  target = 2;
  Worker& first = add(2, 50);
  Worker& second = add(3, 50);
  const Worker& less = add(0, 10);
  const Worker& more = add(1, 20);
  first.taker = less.id;
  EXPECT_EQ(choose(second), &more);
  loads[first.id] = 0;  // they have arrived
  EXPECT_EQ(choose(second), &less);
  roster.remain(first, now);  // its counters are gone, but not its connections
  first.left_over = 50;
  EXPECT_EQ(choose(second), &more);
}

TEST_F(TakersTest, one_may_come_where_a_worker_starts_or_will_start) {
  Worker& giver = add(0, 1);
  EXPECT_FALSE(takers().may_come(giver)) << "it is the only one";
  Worker& starting = start(1);
  EXPECT_TRUE(takers().may_come(giver));
  starting.moves = Moves{1, 6};
  EXPECT_FALSE(takers().may_come(giver)) << "it has another framing";
  starting.moves = giver.moves;
  EXPECT_TRUE(takers().may_come(giver));
  goes_to = generation(2);
  EXPECT_FALSE(takers().may_come(giver)) << "it will be replaced at once";
  goes_to = current;
  roster.remove(starting);
  EXPECT_FALSE(takers().may_come(giver));
  roster.deadlines().set(roster.slot(1).retry, now + std::chrono::seconds(1));
  EXPECT_TRUE(takers().may_come(giver));
  target = 1;
  EXPECT_FALSE(takers().may_come(giver));
}

}  // namespace
}  // namespace preforkd
