// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "master/pool/pool.hpp"

namespace preforkd::fakes {

// Keeps all reports of a pool.
class RecordingObserver final : public PoolObserver {
 public:
  struct Drain {
    WorkerView worker;
    ExitCause why{};
  };
  struct Kill {
    WorkerView worker;
    ExitCause why{};
    int signal = 0;
  };
  struct FailedLaunch {
    unsigned slot = 0;
    Error error = "";
    Instant next_try_at{};
  };
  struct Reload {
    bool ok = false;
    std::string text;
    std::optional<ExitRecord> failure;
  };

  void on_worker_started(const WorkerView& worker) override { started.push_back(worker); }
  void on_worker_ready(const WorkerView& worker) override { ready.push_back(worker); }
  void on_worker_draining(const WorkerView& worker, ExitCause why) override { draining.push_back({worker, why}); }
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override {
    killed.push_back({worker, why, signal});
  }
  void on_worker_exited(const ExitRecord& exit) override { exited.push_back(exit); }
  void on_worker_remains(const WorkerView& worker) override { remains.push_back(worker); }
  void on_remains_gone(const WorkerView& worker) override { remains_gone.push_back(worker); }
  void on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) override {
    failed_launches.push_back({slot, error, next_try_at});
  }
  void on_deadlines_moved(Duration by) override { moves.push_back(by); }
  void on_recycle_waits(const RecycleWait& wait) override { recycle_waits.push_back(wait); }
  void on_state_changed(PoolState before, PoolState now) override { states.emplace_back(before, now); }
  void on_reload_finished(const ReloadFinished& finished) override {
    reloads.push_back({finished.end == ReloadEnd::done, describe(finished), finished.failure});
  }

  std::vector<WorkerView> started;
  std::vector<WorkerView> ready;
  std::vector<Drain> draining;
  std::vector<Kill> killed;
  std::vector<ExitRecord> exited;
  std::vector<WorkerView> remains;
  std::vector<WorkerView> remains_gone;
  std::vector<FailedLaunch> failed_launches;
  std::vector<std::pair<PoolState, PoolState>> states;
  std::vector<Reload> reloads;
  std::vector<Duration> moves;
  std::vector<RecycleWait> recycle_waits;
};

}  // namespace preforkd::fakes
