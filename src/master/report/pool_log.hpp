// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "master/base/log.hpp"
#include "master/pool/pool.hpp"
#include "master/process/worker_facts.hpp"

namespace preforkd {

// A time as a person says it: "3min 2s", "1.5s", "12ms".
[[nodiscard]] std::string spoken_time(Duration time);

// "died (hung): signal 6 (SIGABRT), core dumped after 3min", "left (reloaded): exit status 0 after 2d", "could not be
// started: execve: No such file or directory (ENOENT)".
[[nodiscard]] std::string exit_sentence(const ExitRecord& exit);

// Writes what happens to a pool's workers into the log, one line an event: what, why, what is done about it. In the
// journal a worker's story is whole. Elsewhere a person reads along: during a pool's start and stop what goes as it
// should is Level::debug, and that a worker has started is so always, since it is ready, or dead, in a moment.
class PoolLog final : public PoolObserver {
 public:
  // launch_failure: the reason of the launcher's last failure.
  PoolLog(WorkerLookup lookup, std::function<std::string()> launch_failure, const Clock& clock);

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_ready(const WorkerView& worker) override;
  void on_worker_draining(const WorkerView& worker, ExitCause why) override;
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override;
  void on_worker_exited(const ExitRecord& exit) override;
  void on_worker_remains(const WorkerView& worker) override;
  void on_remains_gone(const WorkerView& worker) override;
  void on_launch_failed(unsigned slot, int error, Instant next_try_at) override;
  void on_deadlines_moved(Duration by) override;
  void on_recycle_waits(const RecycleWait& wait) override;
  void on_state_changed(PoolState before, PoolState now) override;

  // "worker 2 cannot be started: cannot fork: …"; empty if a process could be made for the slot at its last try.
  [[nodiscard]] std::string launch_failure(unsigned slot) const;

 private:
  [[nodiscard]] std::string name(WorkerId id, unsigned slot, unsigned generation) const;
  [[nodiscard]] log::Fields fields(const char* message, WorkerId id, unsigned slot, unsigned generation) const;
  [[nodiscard]] log::Level routine() const noexcept;
  [[nodiscard]] std::string what_is_done(const ExitRecord& exit) const;
  void log_crash(const ExitRecord& exit);

  WorkerLookup lookup_;
  std::function<std::string()> launch_failure_;
  const Clock& clock_;
  PoolState state_ = PoolState::starting;
  std::map<unsigned, std::string> launch_failures_;  // by slot: sentences
};

}  // namespace preforkd
