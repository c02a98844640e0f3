// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// What became of the pool's workers: the last 64 in full, and counts of all that ever ended.
class ExitHistory {
 public:
  static constexpr std::size_t capacity = 64;

  void add(ExitRecord exit);

  [[nodiscard]] std::vector<ExitRecord> newest(std::size_t most) const;  // newest first
  [[nodiscard]] std::uint64_t count(ExitCause cause) const;
  [[nodiscard]] std::uint64_t total() const noexcept { return total_; }
  [[nodiscard]] std::uint64_t crashes() const noexcept { return crashes_; }  // those with ExitRecord::failed

 private:
  std::vector<ExitRecord> ring_;  // grows to capacity, then total_ % capacity is the oldest
  std::array<std::uint64_t, exit_cause_count> by_cause_{};
  std::uint64_t total_ = 0;
  std::uint64_t crashes_ = 0;
};

}  // namespace preforkd
