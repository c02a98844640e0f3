// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// The history of one slot since the first master of the pool started.
struct SlotHistory {
  std::uint64_t starts = 0;
  std::uint64_t crashes = 0;             // exits with ExitRecord::failed
  std::optional<ExitCause> last_cause;   // of the last process that ended,
  std::optional<ExitCause> crash_cause;  // and of the last that crashed

  bool operator==(const SlotHistory&) const = default;
};

// Of all slots.
struct HistoryCounts {
  std::array<std::uint64_t, exit_cause_count> by_cause{};
  std::uint64_t exits = 0;
  std::uint64_t crashes = 0;   // of those
  std::uint64_t restarts = 0;  // processes started in a slot that had one before
  Kept kept;                   // by all keepers
  NotTakenCounts not_taken{};

  bool operator==(const HistoryCounts&) const = default;
};

// The history of a pool's workers: the last 64 exits in full, and counts of everything since the first
// master started.
class PoolHistory {
 public:
  static constexpr std::size_t capacity = 64;

  PoolHistory() = default;
  // What an earlier master knew. `exits`: the last ones, each at its place: the number of those before it, modulo
  // `capacity`. If that does not fit the counts, nothing is taken over.
  PoolHistory(const HistoryCounts& counts, std::vector<SlotHistory> slots, std::vector<ExitRecord> exits);
  // The places of exits that were added or changed since the last call.
  [[nodiscard]] std::set<std::size_t> take_changed() { return std::exchange(changed_, {}); }
  [[nodiscard]] const ExitRecord& at(std::size_t place) const { return ring_.at(place); }
  [[nodiscard]] const HistoryCounts& counts() const noexcept { return counts_; }

  void started(unsigned slot);
  void exited(ExitRecord exit);
  // The keeper of a worker that has exited has ended.
  void kept(WorkerId id, const Kept& connections);
  // A keeper has done a part of its work.
  void count_kept(const Kept& connections);
  void not_taken(const NotTakenCounts& connections);

  [[nodiscard]] std::vector<ExitRecord> newest(std::size_t most) const;  // newest first
  [[nodiscard]] SlotHistory slot(unsigned number) const;
  [[nodiscard]] std::uint64_t count(ExitCause cause) const;
  [[nodiscard]] std::uint64_t crashes() const noexcept { return counts_.crashes; }
  [[nodiscard]] std::uint64_t restarts() const noexcept { return counts_.restarts; }
  [[nodiscard]] const Kept& kept() const noexcept { return counts_.kept; }
  [[nodiscard]] const NotTakenCounts& not_taken() const noexcept { return counts_.not_taken; }

 private:
  [[nodiscard]] SlotHistory& of(unsigned slot);

  std::vector<ExitRecord> ring_;  // grows to capacity, then counts_.exits % capacity is the oldest
  std::vector<SlotHistory> slots_;
  HistoryCounts counts_;
  std::set<std::size_t> changed_;
};

}  // namespace preforkd
