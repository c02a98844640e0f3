// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>
#include <vector>

#include "base/errors.hpp"

namespace preforkd {

// The CPUs on which the workers of a pool may run: those of the master (if neither is set), one for each worker, or a
// list.
struct CpuAffinity {
  bool spread = false;
  std::vector<unsigned> cpus;  // ascending
};

// A CPU mask for sched_setaffinity(2): bit n of the whole is CPU n.
using CpuMask = std::vector<unsigned long>;

// Reads "0-3,6". Fails with a reason, also for a CPU that this machine does not have.
[[nodiscard]] Result<std::vector<unsigned>> parse_cpu_list(std::string_view text);

// The CPUs that this process may use, ascending. Never empty.
[[nodiscard]] std::vector<unsigned> allowed_cpus();

// The mask for the worker of a slot; empty: that of the master. Spread: slot i gets the i-th of `allowed`, round robin.
[[nodiscard]] CpuMask affinity_mask(const CpuAffinity& affinity, unsigned slot, const std::vector<unsigned>& allowed);

}  // namespace preforkd
