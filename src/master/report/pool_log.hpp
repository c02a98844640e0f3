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

namespace preforkd {

// What the pool itself does not know of a worker's process. A pid of 0: the process is gone.
struct ProcessFacts {
  pid_t pid = 0;
  std::optional<std::uint64_t> connections;  // open now; none from a program that does not count
  std::optional<std::uint64_t> requests;
  std::string status_text;
  std::optional<int> reported_error;  // ERRNO=
};
using ProcessLookup = std::function<ProcessFacts(WorkerId)>;

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
  PoolLog(ProcessLookup lookup, std::function<std::string()> launch_failure, const Clock& clock, Duration forget_after);

  void on_worker_started(const WorkerView& worker) override;
  void on_worker_ready(const WorkerView& worker) override;
  void on_worker_draining(const WorkerView& worker, ExitCause why) override;
  void on_worker_killed(const WorkerView& worker, ExitCause why, int signal) override;
  void on_worker_exited(const ExitRecord& exit) override;
  void on_launch_failed(unsigned slot, int error, Instant next_try_at) override;
  void on_state_changed(PoolState before, PoolState now) override;

  // After this much ready time a slot's crashes are forgotten, as a reload may have changed it.
  void set_forget_after(Duration time) { forget_after_ = time; }

  // Crashes of this slot since the master started, and the cause of the last one: "0 crashes", "1 crash (oom)",
  // "3 crashes (last: hang)".
  [[nodiscard]] std::string crash_text(unsigned slot) const;

 private:
  struct Slot {
    std::uint64_t crashes = 0;
    ExitCause last_cause = ExitCause::exit;
    unsigned run = 0;     // crashes without a good time between them
    Instant run_began{};  // the first of them
  };

  [[nodiscard]] std::string name(WorkerId id, unsigned slot, unsigned generation) const;
  [[nodiscard]] log::Fields fields(const char* message, WorkerId id, unsigned slot, unsigned generation) const;
  [[nodiscard]] log::Level routine() const noexcept;
  [[nodiscard]] std::string what_is_done(const ExitRecord& exit) const;
  [[nodiscard]] std::string crashes_in_a_row(const ExitRecord& exit) const;  // empty for the first
  void count_crash(const ExitRecord& exit);
  void log_crash(const ExitRecord& exit);

  ProcessLookup lookup_;
  std::function<std::string()> launch_failure_;
  const Clock& clock_;
  Duration forget_after_;
  PoolState state_ = PoolState::starting;
  std::map<unsigned, Slot> slots_;
};

}  // namespace preforkd
