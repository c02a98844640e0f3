// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// The history of one slot since the master started.
struct SlotHistory {
  std::uint64_t starts = 0;
  std::uint64_t crashes = 0;             // exits with ExitRecord::failed
  std::optional<ExitCause> last_cause;   // of the last process that ended,
  std::optional<ExitCause> crash_cause;  // and of the last that crashed
};

// The history of a pool's workers: the last 64 exits in full, and counts of everything since the master started.
class PoolHistory {
 public:
  static constexpr std::size_t capacity = 64;

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
  [[nodiscard]] std::uint64_t crashes() const noexcept { return crashes_; }
  // Processes started in a slot that had one before.
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }
  // By all keepers.
  [[nodiscard]] const Kept& kept() const noexcept { return kept_; }
  // And not_taken().
  [[nodiscard]] const NotTakenCounts& not_taken() const noexcept { return not_taken_; }

 private:
  [[nodiscard]] SlotHistory& of(unsigned slot);

  std::vector<ExitRecord> ring_;  // grows to capacity, then exits_ % capacity is the oldest
  std::vector<SlotHistory> slots_;
  std::array<std::uint64_t, exit_cause_count> by_cause_{};
  std::uint64_t exits_ = 0;
  std::uint64_t crashes_ = 0;
  std::uint64_t restarts_ = 0;
  Kept kept_;
  NotTakenCounts not_taken_{};
};

}  // namespace preforkd
