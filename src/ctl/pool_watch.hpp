// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <optional>
#include <vector>

#include "ctl/bus/pool_client.hpp"
#include "ctl/output/worker_table.hpp"

namespace preforkd::ctl {

// Follows a pool without blocking: asks it again on each of its signals and on refresh(), but never while a question is
// open, so that a slow pool is not flooded.
class PoolWatch {
 public:
  // `pool` must outlive it, and it must outlive the callbacks of the bus. Throws ExitError if the pool is not there.
  explicit PoolWatch(PoolClient& pool);
  PoolWatch(const PoolWatch&) = delete;
  PoolWatch& operator=(const PoolWatch&) = delete;

  // Asks now, or once the open question is answered.
  void refresh();

  [[nodiscard]] bool gone() const noexcept { return gone_; }
  // None before the first answer.
  [[nodiscard]] const std::optional<PoolSnapshot>& state() const noexcept { return state_; }
  // With rates since the answer before.
  [[nodiscard]] const std::vector<WorkerRow>& rows() const noexcept { return rows_; }
  // How long a question is open; zero if none is.
  [[nodiscard]] std::chrono::seconds silence() const;
  // Whether an answer has come since the last call of this.
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
  std::size_t open_ = 0;  // questions
  std::vector<Json> answers_;
  std::optional<PoolSnapshot> state_;
  std::vector<WorkerSnapshot> workers_;
  std::vector<WorkerRow> rows_;
  Clock::time_point asked_at_;
  Clock::time_point answered_for_;  // when the workers_ were asked for
};

}  // namespace preforkd::ctl
