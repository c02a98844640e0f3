// SPDX-License-Identifier: MIT
#include "master/pool_totals.hpp"

#include <chrono>
#include <cstdint>
#include <utility>

namespace preforkd {
namespace {

// The worker writes the counter: it may be nonsense.
std::uint64_t busy_us(const WorkerUsage& usage) noexcept {
  constexpr std::int64_t too_much = std::int64_t{1} << 48U;
  const std::int64_t busy = usage.busy.count();
  return busy > 0 && busy < too_much ? static_cast<std::uint64_t>(busy) : 0;
}

}  // namespace

PoolTotals::PoolTotals(const Pool& pool, const ProcessLauncher& launcher, Totals ended)
    : pool_(pool), launcher_(launcher), ended_(std::move(ended)) {}

void PoolTotals::on_worker_gone(WorkerId id, Instant now) {
  Counters last = launcher_.facts(id).counters;
  last.connections = 0;  // closed with the process
  ended_.gone += last;
  ended_.named_gone += launcher_.named_counts(id);
  ended_.busy_us += busy_us(launcher_.work_done(id, now));
}

Counters PoolTotals::counters() const {
  Counters sum;
  for (const WorkerView& worker : pool_.workers()) sum += launcher_.facts(worker.id).counters;
  // Ready workers show whether the program counts; without one, those that have ended do.
  const bool counts = sum.counts || (ended_.gone.counts && pool_.ready_count() == 0);
  sum += ended_.gone;
  sum.counts = counts;
  return sum;
}

NamedCounts PoolTotals::named() const {
  NamedCounts sum = ended_.named_gone;
  for (const WorkerView& worker : pool_.workers()) sum += launcher_.named_counts(worker.id);
  return sum;
}

Duration PoolTotals::busy(Instant now) const {
  std::uint64_t sum = ended_.busy_us;
  for (const WorkerView& worker : pool_.workers()) sum += busy_us(launcher_.work_done(worker.id, now));
  return std::chrono::microseconds(sum);
}

}  // namespace preforkd
