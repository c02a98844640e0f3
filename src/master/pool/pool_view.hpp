// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/errors.hpp"
#include "master/base/instant.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// The last state in this list that applies.
//   running    none of the others
//   starting   the first `workers` have not all been ready at once yet
//   degraded   fewer slots than the target have a ready worker, and a slot had to wait for its next try (backoff) or is
//              down; it lasts until every slot of the target has a ready worker. A crash that is replaced at once is
//              not degraded.
//   reloading  a reload is neither committed nor aborted yet
//   stopping   event::Stop or event::StopNow came
enum class PoolState { starting, running, reloading, degraded, stopping };
[[nodiscard]] std::string_view to_string(PoolState state) noexcept;

// What a pool has come to; what the load decides depends on it.
enum class Standing : std::uint8_t {
  changing,  // a worker starts, or a reload is going on
  failing,   // neither, but a slot fails: it is down, waits for its next try, or has failed more than once lately
  steady,    // every slot of the target has a ready worker, and none fails
};

// Why a request is refused or a worker is not replaced.
inline constexpr const char* pool_is_stopping = "the pool is stopping";

// What a keeper has done with the connections of its worker, which had died.
struct Kept {
  std::uint64_t moved = 0;  // to other workers
  std::uint64_t closed = 0;

  [[nodiscard]] std::uint64_t all() const noexcept { return moved + closed; }
  bool operator==(const Kept&) const = default;
};

// One live worker process, as shown to users.
struct WorkerView {
  WorkerId id{};
  unsigned slot = 0;
  unsigned generation = 1;
  WorkerState state = WorkerState::starting;
  Instant started_at{};
  std::optional<Instant> ready_at;
  bool remains = false;                   // draining: its first process has ended, others that it started have not
  std::optional<Instant> drain_deadline;  // draining: when it gets SIGKILL; nullopt once it got it
  bool moves = false;                     // its connections may move to other workers; normally it has a keeper
  Kept kept;
};

// A slot without a serving or starting worker.
struct SlotView {
  unsigned slot = 0;
  unsigned crashes = 0;             // not yet forgotten
  std::optional<Instant> retry_at;  // in backoff
  bool down = false;  // its worker ended with a status of restart.never: empty until a reload or an operator's recycle
};

// What follows in a slot that has lost a worker, as far as it is decided when that worker ends.
enum class Follow : std::uint8_t {
  starts,       // a new worker starts now
  waits,        // one starts at next_try_at
  starting,     // another worker of the slot was started before and is not ready yet
  covered,      // another worker of the slot is ready
  reload_ends,  // it was of a reload's new generation: the reload is aborted, and the old generation stays
  down,         // restart.never: the slot stays empty
  unwanted,     // the slot is no longer wanted: the pool has become smaller, or stops
};

// One ended worker.
struct ExitRecord {
  WorkerId id{};
  pid_t pid = 0;
  unsigned slot = 0;
  unsigned generation = 1;
  ExitCause cause = ExitCause::exit;
  ExitStatus status;
  LifetimeUsage used;  // until its first process ended
  Instant started_at{};
  Instant ended_at{};
  bool was_ready = false;
  bool failed = false;            // counted as a crash
  unsigned crashes = 0;           // of its slot, not yet forgotten (RespawnPolicy), with this one
  Instant crashing_since{};       // when the first of those ended
  bool never_notified = false;    // it never used its notify socket
  bool never_pinged = false;      // it never sent WATCHDOG=
  std::uint64_t handed_over = 0;  // its connections that another worker has taken
  bool moves = false;             // they may move; normally it had a keeper, which has the others
  Kept kept;                      // known when nothing is left of it, its keeper included
  Follow follow = Follow::starts;
  std::optional<Instant> next_try_at;  // Follow::waits only
};

// How to fix it, where the exit alone tells; else empty. For a status: of a worker whose program was never executed.
[[nodiscard]] std::string_view hint(const ExitRecord& exit) noexcept;
[[nodiscard]] std::string_view hint(const ExitStatus& status) noexcept;

// Workers reach a limit of "recycle" so soon after READY=1 that the slot has to wait.
enum class RecycleLimit : std::uint8_t { requests, age, memory };
struct RecycleWait {
  unsigned slot = 0;
  RecycleLimit limit{};
  std::uint64_t found = 0;  // requests or bytes; unused for age
  std::uint64_t max = 0;    // the configured limit; unused for age
  Duration wait{};
};

// How a reload ended. Only `done` changed anything: config, sockets, workers. The pool reports `done` and the last
// four; `config` and `sockets` end a reload before the pool knows of it.
enum class ReloadEnd : std::uint8_t {
  done,
  config,         // it cannot be read, is wrong, or changes what a running pool cannot change
  sockets,        // an address could not be bound
  worker_failed,  // a new worker crashed, was not ready in time, hung, or left before the commit
  not_started,    // no process could be made for a new worker
  superseded,     // a newer reload came before the end
  stopping,       // the pool stops
};
[[nodiscard]] std::string_view to_string(ReloadEnd end) noexcept;  // "done", "config", "worker-failed", …

struct ReloadFinished {
  ReloadEnd end{};
  unsigned generation = 0;                           // the one that was rolled out
  unsigned slot = 0;                                 // worker_failed, not_started
  Error error = "";                                  // not_started
  std::optional<ExitRecord> failure = std::nullopt;  // worker_failed; nullopt: it sent STOPPING=1
};
// "slot 0: the new worker failed: exit status 3", "generation 2 is live".
[[nodiscard]] std::string describe(const ReloadFinished& finished);

}  // namespace preforkd
