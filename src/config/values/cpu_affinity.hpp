// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {

// On which CPUs the workers of a pool may run: on those of the master (neither is set), each on one of them, or on a
// list.
struct CpuAffinity {
  bool spread = false;
  std::vector<unsigned> cpus;  // ascending
};

// A CPU mask as sched_setaffinity(2) takes it: bit n of the whole is CPU n.
using CpuMask = std::vector<unsigned long>;

// Reads "0-3,6". Fails with a reason; a CPU that this machine does not have is one.
[[nodiscard]] Result<std::vector<unsigned>> parse_cpu_list(std::string_view text);

// The CPUs that this process may use, ascending. Never empty.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

// The mask for the worker of a slot; empty: as the master. Spread: slot i gets the i-th of `allowed`, round robin.
[[nodiscard]] CpuMask affinity_mask(const CpuAffinity& affinity, unsigned slot, const std::vector<unsigned>& allowed);

}  // namespace preforkd
