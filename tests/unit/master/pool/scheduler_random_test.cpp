// SPDX-License-Identifier: MIT
// The scheduler against a world that does everything wrong, in hundreds of seeded random orders of events, with the
// invariants I1 to I6 (scheduler.hpp) asserted after every step. A failure prints its seed; PREFORKD_SEED=N runs only
// that one, PREFORKD_SEEDS=N the seeds up to N.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
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
  const unsigned only = from_environment("PREFORKD_SEED", 0);
  const unsigned last = only != 0 ? only : from_environment("PREFORKD_SEEDS", seeds);
  for (unsigned seed = only != 0 ? only : 1; seed <= last; ++seed) {
    World world(seed);
    run(world);
    if (!::testing::Test::HasFailure()) continue;
    const std::string& trace = world.trace();
    FAIL() << "PREFORKD_SEED=" << seed << ", its last steps:\n"
           << trace.substr(trace.size() - std::min(trace.size(), std::size_t{3000}));
  }
}

TEST(SchedulerRandom, KeepsItsInvariantsWhateverHappensAndRecoversWhenAllIsWell) {
  for_each_seed(150, [](World& world) {
    world.run(300);
    if (!::testing::Test::HasFatalFailure()) world.recover();
  });
}

TEST(SchedulerRandom, StopsFromAnyStateThoughWorkersIgnoreTheirStopSignal) {
  for_each_seed(150, [](World& world) {
    world.run(60);
    if (!::testing::Test::HasFatalFailure()) world.stop();
  });
}

}  // namespace
}  // namespace preforkd
