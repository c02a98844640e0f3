// SPDX-License-Identifier: MIT
#include "master/pool/respawn_policy.hpp"

#include <algorithm>
#include <limits>

namespace preforkd {
namespace {

// The finalizer of SplitMix64 (public domain): each output bit depends on every input bit.
std::uint64_t mix(std::uint64_t value) noexcept {
  value += 0x9e3779b97f4a7c15U;
  value = (value ^ (value >> 30U)) * 0xbf58476d1ce4e5b9U;
  value = (value ^ (value >> 27U)) * 0x94d049bb133111ebU;
  return value ^ (value >> 31U);
}

void count_up(unsigned& counter) noexcept {
  if (counter != std::numeric_limits<unsigned>::max() / 2) ++counter;
}

}  // namespace

double jitter_fraction(std::uint64_t seed, std::uint64_t slot, std::uint64_t turn) noexcept {
  constexpr double two_to_53 = 9007199254740992.0;
  return static_cast<double>(mix(mix(mix(seed) ^ slot) ^ turn) >> 11U) / two_to_53;
}

Duration RespawnPolicy::crashed(const RestartConfig& config, Duration ready_for, Instant now) {
  if (ready_for > Duration{0} && ready_for >= config.forget_after) forget();
  if (state_.crashes == 0) state_.crashing_since = now;
  count_up(state_.crashes);
  const unsigned failures = state_.crashes + state_.launch_failures;
  return failures == 1 ? Duration{0} : wait(config, failures - 1);
}

Duration RespawnPolicy::launch_failed(const RestartConfig& config) {
  count_up(state_.launch_failures);
  return wait(config, state_.crashes + state_.launch_failures);
}

Duration RespawnPolicy::wait(const RestartConfig& config, unsigned failures) const {
  const Duration cap = std::max(config.max_delay, min_wait);
  Duration delay = std::max(config.delay, min_wait);
  for (unsigned doubling = 1; doubling < failures && delay < cap; ++doubling) delay = delay < cap / 2 ? delay * 2 : cap;
  delay = std::min(delay, cap);
  const double quarter = static_cast<double>(delay.count()) / 4;
  const Duration less{static_cast<Duration::rep>(quarter * jitter_fraction(seed_, slot_, failures))};
  return std::max(delay - less, min_wait);
}

}  // namespace preforkd
