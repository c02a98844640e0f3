// SPDX-License-Identifier: MIT
#include "agent/busy_shares.hpp"

#include <algorithm>

namespace preforkd::agent {

unsigned BusyShares::share(const std::string& name, const PoolSnapshot& pool, Time now) {
  const auto [found, is_new] = last_.try_emplace(name, Look{now, pool.busy_us});
  Look& look = found->second;
  const auto passed = std::chrono::duration_cast<std::chrono::microseconds>(now - look.at).count();
  if (is_new || passed < 1'000'000) return look.share;
  const std::uint64_t time = static_cast<std::uint64_t>(passed) * std::max(pool.ready_workers, 1U);
  // Another master may have begun at 0, and a worker may count nonsense.
  const std::uint64_t busy = pool.busy_us - std::min(pool.busy_us, look.busy_us);
  look = {now, pool.busy_us, static_cast<unsigned>(std::min(busy, time) * 100 / time)};
  return look.share;
}

}  // namespace preforkd::agent
