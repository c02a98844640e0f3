// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "base/errors.hpp"
#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/worker_types.hpp"

// The events of a pool, each a step of its scheduler: what happened to a worker, what an operator requests, the passing
// of time. An event about a worker that is not alive changes nothing.
namespace preforkd::event {

// The workers start.
struct Start {};

// It has sent something to its notify socket, whatever it was.
struct WorkerHeard {
  WorkerId id{};
};
// Its program runs. With "ready": "exec" it is ready after it has run for reload.soak.
struct WorkerExecuted {
  WorkerId id{};
};
// READY=1, which counts only with "ready": "notify".
struct WorkerReady {
  WorkerId id{};
};
// It sent STOPPING=1 unasked: it no longer counts as ready, gets a drain deadline and is replaced.
struct WorkerStopping {
  WorkerId id{};
};
// WATCHDOG=1.
struct WorkerAlive {
  WorkerId id{};
};
// WATCHDOG_USEC=: its own hang_timeout from now on; 0 turns it off.
struct WorkerWatchdogTimeout {
  WorkerId id{};
  Duration timeout{};
};
// WATCHDOG=trigger: the worker reports that it hangs.
struct WorkerWatchdogTrigger {
  WorkerId id{};
};
// EXTEND_TIMEOUT_USEC=: its start or drain deadline is at least `by` from now.
struct WorkerExtends {
  WorkerId id{};
  Duration by{};
};
// Messages of these workers were lost: those that have a hang deadline get their whole hang_timeout again. Comes before
// any other event of the same time.
struct WorkersUnheard {
  std::vector<WorkerId> ids;
};
// For "recycle": the requests it has answered since it started, and its memory if known.
struct WorkerMeasured {
  WorkerId id{};
  std::uint64_t requests = 0;
  std::optional<std::uint64_t> memory_bytes;
};
// It has said, before it was ready, that its connections may move.
struct WorkerMoves {
  WorkerId id{};
  Moves moves;
};
// It has said, before it was ready, that it exchanges messages with other workers.
struct WorkerTalks {
  WorkerId id{};
  std::uint32_t protocol = 0;
};
// It, or what is left of it, has connections to give away and no taker.
struct WorkerSeeks {
  WorkerId id{};
  std::uint32_t connections = 0;
};
// What became of its connections: taken by another worker, closed by its keeper, or refused by a worker.
struct WorkerGave {
  WorkerId id{};
  std::uint32_t connections = 0;
  std::uint32_t closed = 0;
  NotTakenCounts refused{};
  bool by_keeper = false;  // its keeper gave them: its first process has ended, and WorkerExited may still follow
};
// Its first process, `pid`, has ended.
struct WorkerExited {
  WorkerId id{};
  pid_t pid = 0;
  ExitStatus status;
  bool oom = false;      // the OOM killer of the kernel ended it
  bool remains = false;  // other processes of it still run; event::RemainsGone follows
  LifetimeUsage used{};
};
struct RemainsGone {
  WorkerId id{};
};
// The answer to a Launch that made no process; only WorkersUnheard may come before it.
struct LaunchFailed {
  WorkerId id{};
  Error error = "";
};

// A reload that is running is first ended as superseded.
struct Reload {
  std::shared_ptr<const PoolConfig> config;
};
// Takes over a config that needs no new workers: it differs from the committed one only in `workers`, `scale`,
// `restart`, `recycle`, `reload`, `rebalance`, `listen` and `description`. The generation stays; the pool becomes as
// large as the config says. Ends a running reload as superseded.
struct Adopt {
  std::shared_ptr<const PoolConfig> config;
};
// By an operator. If the load decides otherwise, it no longer does, until the next reload or Unpin. Refused if outside
// min…max of the committed config, or if the pool stops. Of 0 workers while a reload is going on: one stays until the
// reload has ended, because a worker must try the new config, as in a pool that had none before.
struct Resize {
  unsigned workers = 0;
};
// By the load. Refused if the config does not let it decide, an operator has decided, a reload has begun, the number is
// outside min…max, or the pool stops. While a reload waits, it is refused only of 0 workers.
struct Scale {
  unsigned workers = 0;
};
// The load decides again. Refused if the config does not let it, or if the pool stops.
struct Unpin {};
// Refused if there is no such slot, or if the pool stops. A slot that waits or is down is tried now.
struct Recycle {
  unsigned slot = 0;
};
// Evens out the connections of the workers (rebalance.hpp). Refused if the pool stops.
struct Rebalance {};
// Sends `signal` to the slot's worker; if that ends it, it is not a crash. Refused if the slot has no worker.
struct Kill {
  unsigned slot = 0;
  int signal = 0;
};
// Every worker drains.
struct Stop {};
// Every worker gets SIGKILL.
struct StopNow {};

// Checks every deadline. Due at next_deadline(); earlier does no harm.
struct Tick {};

}  // namespace preforkd::event

namespace preforkd {

using Event =
    std::variant<event::Start, event::WorkerHeard, event::WorkerExecuted, event::WorkerReady, event::WorkerStopping,
                 event::WorkerAlive, event::WorkerWatchdogTimeout, event::WorkerWatchdogTrigger, event::WorkerExtends,
                 event::WorkersUnheard, event::WorkerMeasured, event::WorkerMoves, event::WorkerTalks,
                 event::WorkerSeeks, event::WorkerGave, event::WorkerExited, event::RemainsGone, event::LaunchFailed,
                 event::Reload, event::Adopt, event::Resize, event::Scale, event::Unpin, event::Recycle,
                 event::Rebalance, event::Kill, event::Stop, event::StopNow, event::Tick>;

}  // namespace preforkd
