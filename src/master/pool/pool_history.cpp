// SPDX-License-Identifier: MIT
#include "master/pool/pool_history.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace preforkd {

PoolHistory::PoolHistory(const HistoryCounts& counts, std::vector<SlotHistory> slots, std::vector<ExitRecord> exits) {
  if (exits.size() != std::min<std::uint64_t>(counts.exits, capacity)) return;
  counts_ = counts;
  slots_ = std::move(slots);
  ring_ = std::move(exits);
  for (std::size_t place = 0; place < ring_.size(); ++place) changed_.insert(place);
}

void PoolHistory::started(unsigned slot) {
  if (of(slot).starts++ > 0) ++counts_.restarts;
}

void PoolHistory::exited(ExitRecord exit) {
  SlotHistory& slot = of(exit.slot);
  slot.last_cause = exit.cause;
  ++counts_.by_cause[static_cast<std::size_t>(exit.cause)];
  if (exit.failed) {
    ++slot.crashes;
    slot.crash_cause = exit.cause;
    ++counts_.crashes;
  }
  const std::size_t place = counts_.exits++ % capacity;
  if (place < ring_.size()) {
    ring_[place] = std::move(exit);
  } else {
    ring_.push_back(std::move(exit));
  }
  changed_.insert(place);
}

void PoolHistory::kept(WorkerId id, const Kept& connections) {
  const auto found = std::find_if(ring_.begin(), ring_.end(), [&](const ExitRecord& exit) { return exit.id == id; });
  if (found == ring_.end()) return;
  found->kept = connections;
  changed_.insert(static_cast<std::size_t>(found - ring_.begin()));
}

void PoolHistory::count_kept(const Kept& connections) {
  counts_.kept.moved += connections.moved;
  counts_.kept.closed += connections.closed;
}

void PoolHistory::not_taken(const NotTakenCounts& connections) {
  NotTakenCounts& all = counts_.not_taken;
  std::transform(all.begin(), all.end(), connections.begin(), all.begin(), std::plus<>());
}

std::vector<ExitRecord> PoolHistory::newest(std::size_t most) const {
  const std::size_t count = std::min(most, ring_.size());
  std::vector<ExitRecord> result;
  result.reserve(count);
  for (std::size_t back = 1; back <= count; ++back) result.push_back(ring_[(counts_.exits - back) % capacity]);
  return result;
}

SlotHistory PoolHistory::slot(unsigned number) const { return number < slots_.size() ? slots_[number] : SlotHistory{}; }

SlotHistory& PoolHistory::of(unsigned slot) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  return slots_[slot];
}

std::uint64_t PoolHistory::count(ExitCause cause) const { return counts_.by_cause[static_cast<std::size_t>(cause)]; }

}  // namespace preforkd
