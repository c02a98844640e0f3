// SPDX-License-Identifier: MIT
#include "master/pool/pool_observers.hpp"

namespace preforkd {

void PoolObservers::on_worker_started(const WorkerView& worker) {
  for (PoolObserver* const each : observers_) each->on_worker_started(worker);
}

void PoolObservers::on_worker_ready(const WorkerView& worker) {
  for (PoolObserver* const each : observers_) each->on_worker_ready(worker);
}

void PoolObservers::on_worker_draining(const WorkerView& worker, ExitCause why) {
  for (PoolObserver* const each : observers_) each->on_worker_draining(worker, why);
}

void PoolObservers::on_worker_killed(const WorkerView& worker, ExitCause why, int signal) {
  for (PoolObserver* const each : observers_) each->on_worker_killed(worker, why, signal);
}

void PoolObservers::on_worker_exited(const ExitRecord& exit) {
  for (PoolObserver* const each : observers_) each->on_worker_exited(exit);
}

void PoolObservers::on_worker_remains(const WorkerView& worker) {
  for (PoolObserver* const each : observers_) each->on_worker_remains(worker);
}

void PoolObservers::on_remains_gone(const WorkerView& worker) {
  for (PoolObserver* const each : observers_) each->on_remains_gone(worker);
}

void PoolObservers::on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) {
  for (PoolObserver* const each : observers_) each->on_launch_failed(slot, error, next_try_at);
}

void PoolObservers::on_deadlines_moved(Duration by) {
  for (PoolObserver* const each : observers_) each->on_deadlines_moved(by);
}

void PoolObservers::on_recycle_waits(const RecycleWait& wait) {
  for (PoolObserver* const each : observers_) each->on_recycle_waits(wait);
}

void PoolObservers::on_state_changed(PoolState before, PoolState now) {
  for (PoolObserver* const each : observers_) each->on_state_changed(before, now);
}

void PoolObservers::on_reload_finished(const ReloadFinished& finished) {
  for (PoolObserver* const each : observers_) each->on_reload_finished(finished);
}

}  // namespace preforkd
