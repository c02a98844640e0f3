// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/worker_types.hpp"

// What a pool is told, each a step of its scheduler: what happened to a worker, what an operator wants, that time has
// passed. An event about a worker that is not alive changes nothing.
namespace preforkd::event {

// The workers start.
struct Start {};

// It has used its notify socket, whatever it said.
struct WorkerHeard {
  WorkerId id{};
};
// Its program runs. With "ready": "exec" it is ready once that has lasted for reload.soak.
struct WorkerExecuted {
  WorkerId id{};
};
// READY=1, which counts with "ready": "notify" only.
struct WorkerReady {
  WorkerId id{};
};
// Its own STOPPING=1: it no longer counts as ready, gets a drain deadline and is replaced.
struct WorkerStopping {
  WorkerId id{};
};
// WATCHDOG=1.
struct WorkerAlive {
  WorkerId id{};
};
// WATCHDOG_USEC=: its own hang_timeout from now on; 0: off.
struct WorkerWatchdogTimeout {
  WorkerId id{};
  Duration timeout{};
};
// WATCHDOG=trigger: it says itself that it hangs.
struct WorkerWatchdogTrigger {
  WorkerId id{};
};
// EXTEND_TIMEOUT_USEC=: its start or drain ends no earlier than `by` from now.
struct WorkerExtends {
  WorkerId id{};
  Duration by{};
};
// What they said was lost: those that have a hang deadline get their whole hang_timeout again. Comes before another
// event of the same time.
struct WorkersUnheard {
  std::vector<WorkerId> ids;
};
// For "recycle": what it has answered since it started, and what it holds if that is known.
struct WorkerMeasured {
  WorkerId id{};
  std::uint64_t requests = 0;
  std::optional<std::uint64_t> memory_bytes;
};
// Its first process, `pid`, has ended.
struct WorkerExited {
  WorkerId id{};
  pid_t pid = 0;
  ExitStatus status;
  bool oom = false;      // the kernel has killed it, out of memory
  bool remains = false;  // other processes of it are left; RemainsGone follows
};
struct RemainsGone {
  WorkerId id{};
};
// The answer to a Launch that made no process; comes before any other event but WorkersUnheard.
struct LaunchFailed {
  WorkerId id{};
  int error = 0;  // errno
};

// A reload that still runs is ended first, as superseded.
struct Reload {
  std::shared_ptr<const PoolConfig> config;
};
// Takes over a config that needs no new worker: it differs from the committed one in `workers`, `restart`, `recycle`,
// `reload`, `listen` and `description` only. The generation stays; the pool becomes as large as the config says. Ends a
// reload that runs, as superseded.
struct Adopt {
  std::shared_ptr<const PoolConfig> config;
};
// Refused: outside min…max of the committed config, or the pool stops.
struct Resize {
  unsigned workers = 0;
};
// Refused: no such slot, or the pool stops. A slot that waits or is down is tried now.
struct Recycle {
  unsigned slot = 0;
};
// The slot's worker gets `signal`, and if it ends of it that is not a crash. Refused: the slot has no worker.
struct Kill {
  unsigned slot = 0;
  int signal = 0;
};
// Every worker drains.
struct Stop {};
// Every worker gets SIGKILL.
struct StopNow {};

// Every deadline is looked at. Due at next_deadline(); earlier does no harm.
struct Tick {};

}  // namespace preforkd::event

namespace preforkd {

using Event =
    std::variant<event::Start, event::WorkerHeard, event::WorkerExecuted, event::WorkerReady, event::WorkerStopping,
                 event::WorkerAlive, event::WorkerWatchdogTimeout, event::WorkerWatchdogTrigger, event::WorkerExtends,
                 event::WorkersUnheard, event::WorkerMeasured, event::WorkerExited, event::RemainsGone,
                 event::LaunchFailed, event::Reload, event::Adopt, event::Resize, event::Recycle, event::Kill,
                 event::Stop, event::StopNow, event::Tick>;

}  // namespace preforkd
