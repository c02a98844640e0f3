// SPDX-License-Identifier: MIT
#include "master/pool/pool_history.hpp"

#include <algorithm>
#include <functional>
#include <utility>

namespace preforkd {

void PoolHistory::started(unsigned slot) {
  if (of(slot).starts++ > 0) ++restarts_;
}

void PoolHistory::exited(ExitRecord exit) {
  SlotHistory& slot = of(exit.slot);
  slot.last_cause = exit.cause;
  ++by_cause_[static_cast<std::size_t>(exit.cause)];
  if (exit.failed) {
    ++slot.crashes;
    slot.crash_cause = exit.cause;
    ++crashes_;
  }
  if (ring_.size() < capacity) {
    ring_.push_back(std::move(exit));
  } else {
    ring_[exits_ % capacity] = std::move(exit);
  }
  ++exits_;
}

void PoolHistory::kept(WorkerId id, const Kept& connections) {
  const auto found = std::find_if(ring_.begin(), ring_.end(), [&](const ExitRecord& exit) { return exit.id == id; });
  if (found != ring_.end()) found->kept = connections;
}

void PoolHistory::count_kept(const Kept& connections) {
  kept_.moved += connections.moved;
  kept_.closed += connections.closed;
}

void PoolHistory::not_taken(const NotTakenCounts& connections) {
  std::transform(not_taken_.begin(), not_taken_.end(), connections.begin(), not_taken_.begin(), std::plus<>());
}

std::vector<ExitRecord> PoolHistory::newest(std::size_t most) const {
  const std::size_t count = std::min(most, ring_.size());
  std::vector<ExitRecord> result;
  result.reserve(count);
  for (std::size_t back = 1; back <= count; ++back) result.push_back(ring_[(exits_ - back) % capacity]);
  return result;
}

SlotHistory PoolHistory::slot(unsigned number) const { return number < slots_.size() ? slots_[number] : SlotHistory{}; }

SlotHistory& PoolHistory::of(unsigned slot) {
  if (slots_.size() <= slot) slots_.resize(slot + 1);
  return slots_[slot];
}

std::uint64_t PoolHistory::count(ExitCause cause) const { return by_cause_[static_cast<std::size_t>(cause)]; }

}  // namespace preforkd
