// SPDX-License-Identifier: MIT
#include "master/process/named_counts.hpp"

#include <string_view>

namespace preforkd {
namespace {

using ByName = NamedCounts::ByName;

void add(ByName& sum, const std::string& name, std::uint64_t value) {
  const auto found = sum.find(name);
  if (found != sum.end()) {
    found->second += value;
  } else if (sum.size() < NamedCounts::max_names) {
    sum.emplace(name, value);
  }
}

// Whether a process can have counted so far, in bytes or anything that is rarer: values are added to the pool's for
// good.
bool is_plausible(std::uint64_t value) noexcept { return value >> 56 == 0; }

void add_entry(ByName& sum, const NamedCounter& entry, bool (*is_name)(std::string_view)) {
  const std::string name = entry.read_name();
  const std::uint64_t value = entry.value.load(std::memory_order_relaxed);
  if (is_name(name) && is_plausible(value)) add(sum, name, value);
}

void add_library_closes(ByName& sum, const StatsPage& page) {
  for (std::size_t index = 0; index < page.closes_by_reason.size(); ++index) {
    const std::uint64_t value = page.closes_by_reason.at(index).load(std::memory_order_relaxed);
    const bool known = index < close_reason_names.size();
    if (!is_plausible(value) || (!known && value == 0)) continue;
    add(sum, std::string(known ? close_reason_names.at(index) : unknown_close_reason), value);
  }
}

}  // namespace

NamedCounts& NamedCounts::operator+=(const NamedCounts& other) {
  for (const auto& [name, value] : other.closes) add(closes, name, value);
  for (const auto& [name, value] : other.application) add(application, name, value);
  return *this;
}

NamedCounts read_named_counts(const StatsPage* page) {
  NamedCounts counts;
  if (page == nullptr) return counts;
  add_library_closes(counts.closes, *page);
  for (const NamedCounter& entry : page->own_closes) add_entry(counts.closes, entry, is_close_reason_name);
  for (const NamedCounter& entry : page->application) add_entry(counts.application, entry, is_counter_name);
  return counts;
}

}  // namespace preforkd
