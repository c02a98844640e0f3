// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "ctl/bus/pool_snapshot.hpp"
#include "ctl/output/style.hpp"
#include "ctl/output/worker_table.hpp"

namespace preforkd::ctl {

// What "watch" orders workers by, each with its key.
enum class SortKey : char { slot = 's', connections = 'c', rate = 'r', memory = 'm', cpu = 't', age = 'a' };

struct WatchOrder {
  SortKey key = SortKey::slot;
  bool reversed = false;
};

// Takes a key stroke; false if it orders nothing. 'R' turns the order round.
[[nodiscard]] bool take_key(WatchOrder& order, char key);

// Slots from 0 on, all else from the most on; the young are first by age.
void sort_rows(std::vector<WorkerRow>& rows, WatchOrder order);

// A screen of "watch" of at most `height` lines, as wide as the style says, without the last line's end. `alarm` stands
// above the workers. `now` in microseconds since 1970.
[[nodiscard]] std::string watch_frame(const PoolSnapshot& pool, std::vector<WorkerRow> rows, WatchOrder order,
                                      const std::string& alarm, std::uint64_t now, const Style& style,
                                      std::size_t height);

}  // namespace preforkd::ctl
