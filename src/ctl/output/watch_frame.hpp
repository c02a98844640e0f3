// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ctl/output/style.hpp"
#include "ctl/output/worker_table.hpp"
#include "pools/bus/pool_snapshot.hpp"

namespace preforkd::ctl {

// The sort orders of "watch", each with its key.
enum class SortKey : char { slot = 's', connections = 'c', rate = 'r', memory = 'm', cpu = 't', age = 'a' };

struct WatchOrder {
  SortKey key = SortKey::slot;
  bool reversed = false;
};

// Handles a key; false if it selects no order. 'R' reverses the order.
[[nodiscard]] bool take_key(WatchOrder& order, char key);

// Slots ascending, everything else descending; by age, the youngest first.
void sort_rows(std::vector<WorkerRow>& rows, WatchOrder order);

// What "watch" shows.
struct WatchView {
  const PoolSnapshot& pool;
  std::vector<WorkerRow> rows;  // in any order
  WatchOrder order;
  std::string alarm;      // above the workers
  std::uint64_t now = 0;  // microseconds since 1970
};

// A screen of "watch" of at most `height` lines, as wide as the style says, without the last newline.
[[nodiscard]] std::string watch_frame(WatchView view, const Style& style, std::size_t height);

}  // namespace preforkd::ctl
