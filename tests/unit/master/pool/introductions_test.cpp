// SPDX-License-Identifier: MIT
#include "master/pool/introductions.hpp"

#include <gtest/gtest.h>

#include <memory>

namespace preforkd {
namespace {

// What they do is in the scenarios.
TEST(Introductions, a_giver_that_seeks_for_ever_remembers_only_takers_that_live) {
  Roster roster(1);
  Introductions introductions(roster, [](WorkerId) { return 0U; });
  const auto generation = std::make_shared<const Generation>(Generation{1, std::make_shared<const PoolConfig>()});
  const Instant now{std::chrono::hours(1)};
  const auto add = [&](unsigned slot) {
    roster.start(roster.slot(slot), generation, Place::current, now);
    Worker& worker = *roster.slot(slot).current;
    worker.moves = Moves{1, 5};
    roster.ready(worker, now);
    return &worker;
  };
  Worker& giver = *add(0);
  for (int times = 0; times < 100; ++times) {
    Worker& taker = *add(1);
    introductions.seeks(giver, 1);
    introductions.settle(2, *generation, nullptr);
    ASSERT_EQ(giver.taker, taker.id);
    roster.remove(taker);
  }
  EXPECT_LE(giver.tried.size(), 2U);
}

}  // namespace
}  // namespace preforkd
