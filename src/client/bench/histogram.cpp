// SPDX-License-Identifier: MIT
#include "client/bench/histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace preforkd::client {
namespace {

constexpr unsigned step_bits = 7;
constexpr std::uint64_t steps = std::uint64_t{1} << step_bits;
constexpr std::size_t bucket_count = (64 - step_bits + 1) * steps;

// Values below `steps` have a bucket each; above, the bits under the highest `step_bits` + 1 are dropped.
std::size_t bucket_of(std::uint64_t value) noexcept {
  if (value < steps) return value;
  const unsigned dropped = static_cast<unsigned>(std::bit_width(value)) - step_bits - 1;
  return (dropped + 1) * steps + ((value >> dropped) - steps);
}

std::uint64_t upper_end(std::size_t bucket) noexcept {
  if (bucket < steps) return bucket;
  const std::size_t dropped = bucket / steps - 1;
  return (((bucket % steps + steps) + 1) << dropped) - 1;
}

}  // namespace

Histogram::Histogram() : buckets_(bucket_count) {}

void Histogram::record(std::uint64_t value) noexcept {
  ++buckets_[bucket_of(value)];
  ++count_;
  min_ = std::min(min_, value);
  max_ = std::max(max_, value);
  sum_ += static_cast<double>(value);
}

double Histogram::mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

std::uint64_t Histogram::percentile(double percent) const noexcept {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_));
  const auto rank = std::max<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1);
  std::uint64_t seen = 0;
  for (std::size_t bucket = 0; bucket < bucket_count; ++bucket) {
    seen += buckets_[bucket];
    if (seen >= rank) return std::clamp(upper_end(bucket), min_, max_);
  }
  return max_;
}

}  // namespace preforkd::client
