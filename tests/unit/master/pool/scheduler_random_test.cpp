// SPDX-License-Identifier: MIT
// The scheduler with hundreds of seeded random sequences of events, in which everything may fail, with the
// invariants I1 to I7 (scheduler.hpp) asserted after every step. A failure prints its trace; PREFORKD_TRACE=FILE
// replays the first trace in a file, PREFORKD_SEED=N runs only that seed, PREFORKD_SEEDS=N the seeds up to N.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "unit/master/pool/scheduler_world.hpp"

namespace preforkd {
namespace {

unsigned from_environment(const char* name, unsigned otherwise) {
  const char* const text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

template <class Run>
void for_each_seed(unsigned seeds, Run&& run) {
  if (const char* const file = std::getenv("PREFORKD_TRACE")) {
    std::ifstream trace(file);
    ASSERT_TRUE(trace) << file;
    World::replay(std::string(std::istreambuf_iterator<char>(trace), {}));
    return;
  }
  const unsigned only = from_environment("PREFORKD_SEED", 0);
  const unsigned last = only != 0 ? only : from_environment("PREFORKD_SEEDS", seeds);
  for (unsigned seed = only != 0 ? only : 1; seed <= last; ++seed) {
    World world(seed);
    run(world);
    if (::testing::Test::HasFailure()) FAIL() << "PREFORKD_TRACE=FILE replays this trace:\n" << world.trace();
  }
}

TEST(SchedulerRandom, keeps_its_invariants_whatever_happens_and_recovers_when_all_is_well) {
  for_each_seed(150, [](World& world) {
    world.run(300);
    if (!::testing::Test::HasFatalFailure()) world.recover();
  });
}

TEST(SchedulerRandom, stops_from_any_state_though_workers_ignore_their_stop_signal) {
  for_each_seed(150, [](World& world) {
    world.run(60);
    if (!::testing::Test::HasFatalFailure()) world.stop();
  });
}

TEST(SchedulerRandom, keeps_its_invariants_though_its_master_is_replaced_at_any_time) {
  for_each_seed(150, [](World& world) {
    world.run(300, 0.05);
    if (!::testing::Test::HasFatalFailure()) world.recover();
  });
}

TEST(SchedulerRandom, a_trace_is_replayed_as_it_was) {
  for (unsigned seed = 1; seed <= 20 && !HasFailure(); ++seed) {
    World world(seed);
    world.run(300, 0.02);
    world.stop();
    EXPECT_EQ(World::replay(world.trace()), world.trace());
  }
}

}  // namespace
}  // namespace preforkd
