// SPDX-License-Identifier: MIT
#pragma once

#include <vector>

#include "master/pool/pool.hpp"

namespace preforkd {

// Passes the pool's reports on to several observers, in the order in which they were added.
class PoolObservers final : public PoolObserver {
 public:
  // Borrows `observer`.
  void add(PoolObserver& observer) { observers_.push_back(&observer); }

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_ready(const WorkerView& worker) override;
  void on_worker_draining(const WorkerView& worker, ExitCause why) override;
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override;
  void on_worker_exited(const ExitRecord& exit) override;
  void on_worker_remains(const WorkerView& worker) override;
  void on_remains_gone(const WorkerView& worker) override;
  void on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) override;
  void on_deadlines_moved(Duration by) override;
  void on_recycle_waits(const RecycleWait& wait) override;
  void on_state_changed(PoolState before, PoolState now) override;
  void on_reload_finished(const ReloadFinished& finished) override;

 private:
  std::vector<PoolObserver*> observers_;
};

}  // namespace preforkd
