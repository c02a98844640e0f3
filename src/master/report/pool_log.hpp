// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "master/base/log.hpp"
#include "master/pool/pool.hpp"
#include "master/process/worker_facts.hpp"

namespace preforkd {

// A time for people: "3min 2s", "1.5s", "12ms".
[[nodiscard]] std::string spoken_time(Duration time);

// "died (hung): signal 6 (SIGABRT), core dumped after 3min", "left (reloaded): exit status 0 after 2d", "could not be
// started: execve: No such file or directory (ENOENT)".
[[nodiscard]] std::string exit_sentence(const ExitRecord& exit);

// Logs what happens to a pool's workers, one line per event: what, why, what is done about it. The journal gets every
// event of a worker. Elsewhere the lines are read at a terminal: during a pool's start and stop normal events are
// Level::debug there, and the start of a worker always is, since the worker is ready, or has ended, a moment later.
class PoolLog final : public PoolObserver {
 public:
  PoolLog(WorkerLookup lookup, const Clock& clock) : lookup_(std::move(lookup)), clock_(clock) {}

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_ready(const WorkerView& worker) override;
  void on_worker_draining(const WorkerView& worker, ExitCause why) override;
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override;
  void on_worker_exited(const ExitRecord& exit) override;
  void on_worker_remains(const WorkerView& worker) override;
  void on_remains_gone(const WorkerView& worker) override;
  void on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) override;
  void on_not_taken(const WorkerView& worker, const NotTakenCounts& connections) override;
  void on_deadlines_moved(Duration by) override;
  void on_recycle_waits(const RecycleWait& wait) override;
  void on_state_changed(PoolState before, PoolState now) override;

  // "worker 2 cannot be started: cannot fork: …"; empty if the slot's last try made a process.
  [[nodiscard]] std::string launch_failure(unsigned slot) const;

 private:
  // Whom a line is about.
  struct Subject {
    unsigned slot = 0;
    unsigned generation = 0;
    pid_t pid = 0;

    [[nodiscard]] std::string name() const;
    [[nodiscard]] log::Fields fields(const char* message) const;
  };
  [[nodiscard]] Subject subject(const WorkerView& worker) const;
  [[nodiscard]] static Subject subject(const ExitRecord& exit);
  [[nodiscard]] log::Level routine() const noexcept;
  [[nodiscard]] std::string what_is_done(const ExitRecord& exit) const;
  void log_crash(const ExitRecord& exit, const WorkerFacts& facts, bool has_keeper);
  // If its keeper had any.
  static void log_kept(const Subject& subject, const Kept& kept);
  [[nodiscard]] bool may_say_not_taken(WorkerId id);

  WorkerLookup lookup_;
  const Clock& clock_;
  PoolState state_ = PoolState::starting;
  std::map<unsigned, std::string> launch_failures_;  // by slot: sentences
  struct Lines {
    Instant since{};
    unsigned count = 0;
  };
  std::map<WorkerId, Lines> not_taken_lines_;  // on_not_taken() of workers that have said so
};

}  // namespace preforkd
