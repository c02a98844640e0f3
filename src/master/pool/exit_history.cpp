// SPDX-License-Identifier: MIT
#include "master/pool/exit_history.hpp"

#include <algorithm>
#include <utility>

namespace preforkd {

void ExitHistory::add(ExitRecord exit) {
  ++by_cause_[static_cast<std::size_t>(exit.cause)];
  if (exit.failed) ++crashes_;
  if (ring_.size() < capacity) {
    ring_.push_back(std::move(exit));
  } else {
    ring_[total_ % capacity] = std::move(exit);
  }
  ++total_;
}

std::vector<ExitRecord> ExitHistory::newest(std::size_t most) const {
  const std::size_t count = std::min(most, ring_.size());
  std::vector<ExitRecord> result;
  result.reserve(count);
  for (std::size_t back = 1; back <= count; ++back) result.push_back(ring_[(total_ - back) % capacity]);
  return result;
}

std::uint64_t ExitHistory::count(ExitCause cause) const { return by_cause_[static_cast<std::size_t>(cause)]; }

}  // namespace preforkd
