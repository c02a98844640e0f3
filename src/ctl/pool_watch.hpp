// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "ctl/output/worker_table.hpp"
#include "pools/bus/pool_client.hpp"

namespace preforkd::ctl {

// Follows a pool without blocking: queries it again on each of its signals and on refresh(), but never while a query is
// pending, so that a slow pool is not flooded.
class PoolWatch {
 public:
  // `pool` must outlive it, and it must outlive the callbacks of the bus. Throws ExitError if the pool is not on the
  // bus.
  explicit PoolWatch(PoolClient& pool);
  PoolWatch(const PoolWatch&) = delete;
  PoolWatch& operator=(const PoolWatch&) = delete;

  // Queries the pool now, or after the pending query is answered.
  void refresh();

  [[nodiscard]] bool gone() const noexcept { return gone_; }
  // Empty before the first answer.
  [[nodiscard]] const std::optional<PoolSnapshot>& snapshot() const noexcept { return snapshot_; }
  // With rates since the previous answer.
  [[nodiscard]] const std::vector<WorkerRow>& rows() const noexcept { return rows_; }
  // How long a query has been pending; zero if none is.
  [[nodiscard]] std::chrono::seconds silence() const;
  // Whether an answer has arrived since the last call of this.
  [[nodiscard]] bool take_news();

 private:
  using Clock = std::chrono::steady_clock;
  void ask();
  void take(std::size_t question, const Reply& reply);
  void conclude();

  PoolClient& pool_;
  bool gone_ = false;
  bool again_ = false;
  bool news_ = false;
  std::size_t open_ = 0;  // pending queries
  std::vector<Json> answers_;
  std::optional<PoolSnapshot> snapshot_;
  std::vector<WorkerSnapshot> workers_;
  std::vector<WorkerRow> rows_;
  Clock::time_point asked_at_;
  Clock::time_point answered_for_;  // when the workers_ were queried
};

}  // namespace preforkd::ctl
