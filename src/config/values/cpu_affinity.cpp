// SPDX-License-Identifier: MIT
#include "config/values/cpu_affinity.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <numeric>
#include <string>

#include "base/split.hpp"
#include "base/whole_number.hpp"

namespace preforkd {
namespace {

constexpr std::size_t bits = std::numeric_limits<unsigned long>::digits;

unsigned machine_cpus() { return static_cast<unsigned>(std::max(1L, sysconf(_SC_NPROCESSORS_CONF))); }

}  // namespace

Result<std::vector<unsigned>> parse_cpu_list(std::string_view text) {
  const unsigned count = machine_cpus();
  std::vector<unsigned> cpus;
  for (const std::string_view range : split(text, ',')) {
    const std::size_t dash = std::min(range.find('-'), range.size());
    const auto first = whole_number<unsigned>(range.substr(0, dash));
    const auto last = dash == range.size() ? first : whole_number<unsigned>(range.substr(dash + 1));
    if (!first || !last || *first > *last) return Failure("is not a list of CPUs such as \"0-3,6\"");
    if (*last >= count) return Failure("this machine's CPUs are 0 to " + std::to_string(count - 1));
    for (unsigned cpu = *first; cpu <= *last; ++cpu) cpus.push_back(cpu);
  }
  std::sort(cpus.begin(), cpus.end());
  cpus.erase(std::unique(cpus.begin(), cpus.end()), cpus.end());
  return cpus;
}

std::vector<unsigned> allowed_cpus() {
  std::vector<unsigned> cpus;
  // The kernel rejects (EINVAL) a mask smaller than its own: try larger ones.
  for (std::size_t words = CPU_SETSIZE / bits; words * bits <= 1 << 20 && cpus.empty(); words *= 2) {
    CpuMask mask(words);
    if (sched_getaffinity(0, words * sizeof(mask.front()), reinterpret_cast<cpu_set_t*>(mask.data())) != 0) continue;
    for (unsigned cpu = 0; cpu < words * bits; ++cpu) {
      if ((mask[cpu / bits] >> (cpu % bits) & 1UL) != 0) cpus.push_back(cpu);
    }
  }
  if (cpus.empty()) {
    cpus.resize(static_cast<std::size_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))));
    std::iota(cpus.begin(), cpus.end(), 0U);
  }
  return cpus;
}

CpuMask affinity_mask(const CpuAffinity& affinity, unsigned slot, const std::vector<unsigned>& allowed) {
  std::vector<unsigned> cpus = affinity.cpus;
  if (affinity.spread) cpus = {allowed[slot % allowed.size()]};
  if (cpus.empty()) return {};
  CpuMask mask(cpus.back() / bits + 1);
  for (const unsigned cpu : cpus) mask[cpu / bits] |= 1UL << (cpu % bits);
  return mask;
}

}  // namespace preforkd
