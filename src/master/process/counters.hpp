// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

#include "wire/stats_page.hpp"

namespace preforkd {

// The counters of one worker, or their sum for several.
struct Counters {
  bool counts = false;            // at least one of them counts; if not, the rest means nothing
  std::uint64_t connections = 0;  // open now
  std::uint64_t connections_total = 0;
  std::uint64_t connections_refused = 0;
  std::uint64_t connections_adopted = 0;
  std::uint64_t connections_handed_over = 0;  // by the workers themselves, not by their keepers
  std::uint64_t accept_failures = 0;
  std::uint64_t requests_total = 0;
  std::uint64_t bytes_in = 0;
  std::uint64_t bytes_out = 0;
  std::uint64_t worker_messages = 0;
  std::uint64_t worker_messages_dropped = 0;

  Counters& operator+=(const Counters& other) noexcept {
    counts = counts || other.counts;
    connections += other.connections;
    connections_total += other.connections_total;
    connections_refused += other.connections_refused;
    connections_adopted += other.connections_adopted;
    connections_handed_over += other.connections_handed_over;
    accept_failures += other.accept_failures;
    requests_total += other.requests_total;
    bytes_in += other.bytes_in;
    bytes_out += other.bytes_out;
    worker_messages += other.worker_messages;
    worker_messages_dropped += other.worker_messages_dropped;
    return *this;
  }
  bool operator==(const Counters&) const = default;
};

// The present values; all 0 for a null page, of a program that does not count.
[[nodiscard]] inline Counters read_counters(const StatsPage* page) noexcept {
  if (page == nullptr) return {};
  constexpr auto relaxed = std::memory_order_relaxed;
  return {true,
          page->connections.load(relaxed),
          page->connections_total.load(relaxed),
          page->connections_refused.load(relaxed),
          page->connections_adopted.load(relaxed),
          page->closes_by_reason[handed_over_reason].load(relaxed),
          page->accept_failures.load(relaxed),
          page->requests_total.load(relaxed),
          page->bytes_in.load(relaxed),
          page->bytes_out.load(relaxed),
          page->worker_messages.load(relaxed),
          page->worker_messages_dropped.load(relaxed)};
}

}  // namespace preforkd
