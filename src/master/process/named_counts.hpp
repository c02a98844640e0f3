// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "wire/stats_page.hpp"

namespace preforkd {

// The counters of one worker that have names, or their sum for several. Read on request only: unlike Counters, they
// take memory.
struct NamedCounts {
  using ByName = std::map<std::string, std::uint64_t>;
  static constexpr std::size_t max_names = 256;  // of each kind, in a sum

  ByName closes;  // by reason: each of the library's that is known here, and the application's own
  ByName application;

  // Leaves out names above max_names, which a worker that makes up names reaches: those that were there first stay.
  NamedCounts& operator+=(const NamedCounts& other);
  bool operator==(const NamedCounts&) const = default;
};

// The present values; none for a null page, of a program that does not count. Skips entries that libprefork cannot have
// written, because the page may contain anything. So all names are plain ASCII.
[[nodiscard]] NamedCounts read_named_counts(const StatsPage* page);

}  // namespace preforkd
