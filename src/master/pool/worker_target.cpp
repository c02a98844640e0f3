// SPDX-License-Identifier: MIT
#include "master/pool/worker_target.hpp"

#include <algorithm>

namespace preforkd {

unsigned target_after(const PoolConfig& before, const PoolConfig& after, unsigned present) noexcept {
  const WorkerCount& old = before.workers;
  const WorkerCount& next = after.workers;
  if (before.scale && !after.scale) return next.initial;
  const bool only_limits = old.initial == old.min && next.initial == next.min;
  if (!after.scale && !only_limits && old.initial != next.initial) return next.initial;
  return std::clamp(present, next.min, next.max);
}

}  // namespace preforkd
