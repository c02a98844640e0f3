// SPDX-License-Identifier: MIT
#include "master/pool/respawn_policy.hpp"

#include <gtest/gtest.h>

#include <set>

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr Instant now{std::chrono::hours(1)};
constexpr Duration never_ready{0};

TEST(RespawnPolicy, replaces_at_once_after_the_first_crash) {
  RespawnPolicy policy(1, 0);
  EXPECT_EQ(policy.crashed(RestartConfig{}, never_ready, now), Duration{0});
  EXPECT_EQ(policy.crashes(), 1U);
}

TEST(RespawnPolicy, waits_twice_as_long_after_each_further_crash_up_to_the_cap) {
  RespawnPolicy policy(1, 0);
  const RestartConfig config{.delay = milliseconds(100), .max_delay = seconds(5), .forget_after = seconds(30)};
  (void)policy.crashed(config, never_ready, now);
  Duration full = milliseconds(100);
  for (int crash = 2; crash < 40; ++crash) {
    const Duration wait = policy.crashed(config, never_ready, now);
    EXPECT_LE(wait, full) << crash;
    EXPECT_GE(wait, full * 3 / 4) << crash;
    full = std::min(full * 2, config.max_delay);
  }
}

TEST(RespawnPolicy, forgets_after_enough_ready_time) {
  RespawnPolicy policy(1, 0);
  const RestartConfig config;
  for (int crash = 0; crash < 8; ++crash) (void)policy.crashed(config, never_ready, now + seconds(crash));
  EXPECT_EQ(policy.crashing_since(), now);
  EXPECT_GT(policy.crashed(config, config.forget_after - Duration(1), now), seconds(5));
  EXPECT_EQ(policy.crashed(config, config.forget_after, now + seconds(60)), Duration{0});
  EXPECT_EQ(policy.crashes(), 1U);
  EXPECT_EQ(policy.crashing_since(), now + seconds(60));
}

TEST(RespawnPolicy, waits_after_every_failed_launch_but_counts_no_crash) {
  RespawnPolicy policy(1, 0);
  const RestartConfig config;
  const Duration first = policy.launch_failed(config);
  const Duration second = policy.launch_failed(config);
  EXPECT_GE(first, config.delay * 3 / 4);
  EXPECT_GE(second, config.delay * 6 / 4);
  EXPECT_EQ(policy.crashes(), 0U);
  policy.worked();
  EXPECT_EQ(policy.crashed(config, never_ready, now), Duration{0});
}

TEST(RespawnPolicy, never_spins_with_delays_of_zero) {
  RespawnPolicy policy(1, 0);
  const RestartConfig config{.delay = Duration{0}, .max_delay = Duration{0}, .forget_after = seconds(30)};
  EXPECT_GE(policy.launch_failed(config), RespawnPolicy::min_wait);
  EXPECT_GE(policy.crashed(config, never_ready, now), RespawnPolicy::min_wait);
  EXPECT_GE(policy.crashed(config, never_ready, now), RespawnPolicy::min_wait);
}

TEST(RespawnPolicy, spreads_the_slots_but_tells_the_same_twice) {
  std::set<Duration> waits;
  for (unsigned slot = 0; slot < 20; ++slot) {
    RespawnPolicy policy(42, slot);
    RespawnPolicy again(42, slot);
    const RestartConfig config;
    (void)policy.crashed(config, never_ready, now);
    (void)again.crashed(config, never_ready, now);
    const Duration wait = policy.crashed(config, never_ready, now);
    EXPECT_EQ(wait, again.crashed(config, never_ready, now));
    waits.insert(wait);
  }
  EXPECT_GT(waits.size(), 15U);
}

TEST(RespawnPolicy, survives_the_longest_delays) {
  RespawnPolicy policy(1, 0);
  const RestartConfig config{
      .delay = Duration::max() / 3, .max_delay = Duration::max() / 2, .forget_after = seconds(1)};
  for (int crash = 0; crash < 100; ++crash) EXPECT_GE(policy.crashed(config, never_ready, now), Duration{0});
}

}  // namespace
}  // namespace preforkd
