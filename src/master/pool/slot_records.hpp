// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <deque>
#include <functional>
#include <string_view>
#include <utility>
#include <vector>

#include "master/pool/pool.hpp"

namespace preforkd {

// What became of the processes of each slot since the master started.
class SlotRecords final : public PoolObserver {
 public:
  explicit SlotRecords(std::function<pid_t(WorkerId)> pid_of) : pid_of_(std::move(pid_of)) {}

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_exited(const ExitRecord& exit) override;

  [[nodiscard]] std::uint64_t crashes(unsigned slot) const noexcept;
  // Why the slot's last process ended; empty if none did.
  [[nodiscard]] std::string_view last_exit_cause(unsigned slot) const noexcept;
  // The process of one of the workers in ExitHistory; 0: not known.
  [[nodiscard]] pid_t exited_pid(WorkerId id) const noexcept;
  // Processes that were started in a slot that had had one before.
  [[nodiscard]] std::uint64_t restarts() const noexcept { return restarts_; }

 private:
  struct Record {
    bool used = false;
    std::uint64_t crashes = 0;
    std::string_view last_cause;
  };
  [[nodiscard]] Record& record(unsigned slot);

  std::function<pid_t(WorkerId)> pid_of_;
  std::vector<Record> records_;
  std::deque<std::pair<WorkerId, pid_t>> exited_;  // the last ExitHistory::capacity
  std::uint64_t restarts_ = 0;
};

}  // namespace preforkd
