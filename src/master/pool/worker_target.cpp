// SPDX-License-Identifier: MIT
#include "master/pool/worker_target.hpp"

#include <algorithm>

namespace preforkd {

unsigned target_after(const WorkerCount& before, const WorkerCount& after, unsigned present) noexcept {
  const bool only_limits = before.initial == before.min && after.initial == after.min;
  if (!only_limits && before.initial != after.initial) return after.initial;
  return std::clamp(present, after.min, after.max);
}

}  // namespace preforkd
