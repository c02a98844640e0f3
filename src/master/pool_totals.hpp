// SPDX-License-Identifier: MIT
#pragma once

#include "master/base/instant.hpp"
#include "master/pool/pool.hpp"
#include "master/predecessor.hpp"
#include "master/process/process_launcher.hpp"

namespace preforkd {

// What a pool's workers have counted, with those that have ended.
class PoolTotals {
 public:
  // `ended`: of the workers of earlier masters.
  PoolTotals(const Pool& pool, const ProcessLauncher& launcher, Totals ended);

  // To be called once for each, while the launcher knows it.
  void on_worker_gone(WorkerId id, Instant now);
  [[nodiscard]] const Totals& ended() const noexcept { return ended_; }

  [[nodiscard]] Counters counters() const;
  [[nodiscard]] NamedCounts named() const;
  [[nodiscard]] Duration busy(Instant now) const;  // as WorkerUsage::busy

 private:
  const Pool& pool_;
  const ProcessLauncher& launcher_;
  Totals ended_;
};

}  // namespace preforkd
