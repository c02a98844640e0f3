// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace preforkd::client {

// Counts values of 0…2^63 in buckets that grow with the value (log-linear, like HDR histograms): each power of two is
// divided into 128 equal steps, so a value is known to better than 0.8 %, recording is O(1), and memory is fixed at 58
// KiB.
class Histogram {
 public:
  Histogram();

  void record(std::uint64_t value) noexcept;

  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }
  // Exact; 0 if nothing was recorded.
  [[nodiscard]] std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  [[nodiscard]] std::uint64_t max() const noexcept { return max_; }
  [[nodiscard]] double mean() const noexcept;
  // The upper end of the lowest bucket that `percent` (0…100) of the values do not exceed; at most max(). 0 if nothing
  // was recorded.
  [[nodiscard]] std::uint64_t percentile(double percent) const noexcept;

 private:
  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = UINT64_MAX;
  std::uint64_t max_ = 0;
  double sum_ = 0;
};

}  // namespace preforkd::client
