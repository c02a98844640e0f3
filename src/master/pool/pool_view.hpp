// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "master/base/instant.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// The last of these that applies.
//   running    none of the others
//   starting   the first `workers` have not been ready all at once yet
//   degraded   fewer slots than the target have a ready worker, and a slot had to wait for its next try (backoff) or is
//              down; it lasts until every slot of the target has a ready worker. A crash that is replaced at once is
//              not degraded.
//   reloading  a reload is neither committed nor aborted yet
//   stopping   stop() or stop_now() was called
enum class PoolState { starting, running, reloading, degraded, stopping };
[[nodiscard]] std::string_view to_string(PoolState state) noexcept;

// One live worker process, for whoever shows it.
struct WorkerView {
  WorkerId id{};
  unsigned slot = 0;
  unsigned generation = 1;
  WorkerState state = WorkerState::starting;
  Instant started_at{};
  std::optional<Instant> ready_at;
  std::optional<Instant> drain_deadline;  // draining: when it gets SIGKILL; none once it got it
  std::string status_text;                // its last STATUS=
};

// One slot that has no worker serving or starting in it.
struct SlotView {
  unsigned slot = 0;
  unsigned crashes = 0;             // not yet forgotten
  std::optional<Instant> retry_at;  // in backoff
  bool down = false;  // its worker ended with a status of restart.never: empty until a reload or an operator's recycle
};

// What becomes of a slot that has lost a worker, as far as it is decided when that worker has ended.
enum class Follow : std::uint8_t {
  starts,       // a new worker starts now
  waits,        // one starts at next_try_at
  starting,     // another worker of the slot was started before and is not ready yet
  covered,      // another worker of the slot is ready
  reload_ends,  // it was of a reload's new generation: the reload ends, and the old generation stays
  down,         // restart.never: nobody follows
  nobody,       // the slot is no longer wanted: the pool has become smaller, or stops
};

// One ended worker; the pool keeps the last 64.
struct ExitRecord {
  WorkerId id{};
  unsigned slot = 0;
  unsigned generation = 1;
  ExitCause cause = ExitCause::exit;
  ExitStatus status;
  Instant started_at{};
  Instant ended_at{};
  bool was_ready = false;
  bool failed = false;  // counted as a crash
  Follow follow = Follow::starts;
  std::optional<Instant> next_try_at;  // Follow::waits only
};

// How a reload ended. Only the first of these changed anything.
enum class ReloadEnd : std::uint8_t {
  committed,
  worker_failed,
  launch_failed,  // no process could be made
  left,           // the new worker said STOPPING=1
  superseded,     // by a newer reload
  stopped,        // the pool stops
};
struct ReloadFinished {
  ReloadEnd end{};
  unsigned generation = 0;                           // the one that was rolled out
  unsigned slot = 0;                                 // worker_failed, launch_failed, left
  int error = 0;                                     // launch_failed
  std::optional<ExitRecord> failure = std::nullopt;  // worker_failed
};
// "slot 0: the new worker failed: exit, exit status 3", "generation 2 is live".
[[nodiscard]] std::string describe(const ReloadFinished& finished);

}  // namespace preforkd
