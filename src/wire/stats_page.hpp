// SPDX-License-Identifier: MIT
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "wire/close_reasons.hpp"
#include "wire/named_counter.hpp"

namespace preforkd {

inline constexpr std::size_t stats_page_bytes = 4096;
inline constexpr std::size_t close_reason_slots = 32;  // prefork::CloseReason values index closes_by_reason
inline constexpr std::size_t named_counter_slots = 32;
static_assert(close_reason_names.size() <= close_reason_slots);

// One worker's counters, in a memfd of one page that the master makes. The worker maps it and writes with plain relaxed
// atomics (no system call); the master reads it with pread(2). The page is sealed against resizing. All counters except
// `connections` only grow. A worker that writes garbage harms only its own numbers. What is added at the end keeps the
// version: a page begins with zeros, and has room for it in an older master, too.
struct StatsPage {
  static constexpr std::uint32_t layout_version = 1;

  // layout_version once the worker counts; 0 if its program does not use libprefork.
  std::atomic<std::uint32_t> layout;
  std::atomic<std::uint32_t> ready;              // 1 once it has sent READY=1, for a master that did not hear it
  std::atomic<std::uint64_t> connections;        // open now
  std::atomic<std::uint64_t> connections_total;  // accepted so far
  std::atomic<std::uint64_t> accept_failures;    // accepts that failed for lack of descriptors or memory
  std::atomic<std::uint64_t> requests_total;     // messages delivered to on_message
  std::atomic<std::uint64_t> bytes_in;
  std::atomic<std::uint64_t> bytes_out;
  std::array<std::atomic<std::uint64_t>, close_reason_slots> closes_by_reason;
  std::atomic<std::uint64_t> connections_refused;  // at the accept, for their address; not in connections_total
  std::array<NamedCounter, named_counter_slots> own_closes;  // by the application's own close reasons
  std::array<NamedCounter, named_counter_slots> application;
  std::atomic<std::uint64_t> connections_adopted;      // from other workers; not in connections_total
  std::atomic<std::uint64_t> busy_time;                // busy_time.hpp: the time that it has not waited for events
  std::atomic<std::uint64_t> full;                     // 1: it accepts none, because of its max_connections
  std::atomic<std::uint64_t> max_connections;          // of all services; 0: an older version, which does not say
  std::atomic<std::uint64_t> worker_messages;          // to other workers
  std::atomic<std::uint64_t> worker_messages_dropped;  // not in those: the other worker did not read
};
static_assert(sizeof(StatsPage) <= stats_page_bytes);
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// A mapping of a StatsPage, unmapped by the destructor.
class StatsMapping {
 public:
  StatsMapping() noexcept = default;
  StatsMapping(StatsMapping&& other) noexcept;
  StatsMapping& operator=(StatsMapping&& other) noexcept;
  ~StatsMapping();

  [[nodiscard]] StatsPage* get() const noexcept { return page_; }
  [[nodiscard]] StatsPage* operator->() const noexcept { return page_; }
  explicit operator bool() const noexcept { return page_ != nullptr; }

  // Maps `fd` after checking that it is a sealed memfd of at least one page. writable: for the worker.
  [[nodiscard]] static Result<StatsMapping> map(int fd, bool writable);

 private:
  explicit StatsMapping(StatsPage* page) noexcept : page_(page) {}
  StatsPage* page_ = nullptr;
};

// A zeroed page in a memfd named `name`, CLOEXEC, sealed with F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL.
[[nodiscard]] Result<UniqueFd> make_stats_memfd(const char* name);

}  // namespace preforkd
