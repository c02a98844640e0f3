// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/exit_history.hpp"
#include "master/pool/pool_view.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// Told of everything that a person or a program may want to see; what is not overridden is ignored. Called from inside
// Pool's calls; must not call it back, and must not throw: what the pool has still to do in that call would not be
// done.
class PoolObserver {
 public:
  virtual ~PoolObserver() = default;
  virtual void on_worker_started(const WorkerView& /*worker*/) {}
  virtual void on_worker_ready(const WorkerView& /*worker*/) {}
  virtual void on_worker_draining(const WorkerView& /*worker*/, ExitCause /*why*/) {}
  // It got SIGABRT or SIGKILL: a deadline passed, it says that it hangs, or stop_now() was called.
  virtual void on_worker_killed(const WorkerView& /*worker*/, ExitCause /*why*/, int /*signal*/) {}
  virtual void on_worker_exited(const ExitRecord& /*exit*/) {}
  // No process could be made; `error` is what the launcher returned.
  virtual void on_launch_failed(unsigned /*slot*/, int /*error*/, Instant /*next_try_at*/) {}
  virtual void on_state_changed(PoolState /*before*/, PoolState /*now*/) {}
  // One for each reload() and adopt(), in their order.
  virtual void on_reload_finished(const ReloadFinished& /*finished*/) {}
};

// Keeps a pool's workers as its config wants them. Single-threaded and pure: no system call, no clock, no log of its
// own; it acts through the launcher, reads the clock and reports to the observer. Decisions are the scheduler's
// (scheduler.hpp); the pool turns facts into its input and its actions into launcher calls. Facts about an id that is
// not (or no longer) a live worker are ignored.
class Pool {
 public:
  Pool(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, PoolObserver& observer,
       std::uint64_t seed);
  ~Pool();

  void start();

  // Facts.
  void worker_ready(WorkerId id);
  // Its own STOPPING=1: it no longer counts as ready, gets a drain deadline and is replaced.
  void worker_stopping(WorkerId id);
  void worker_alive(WorkerId id);  // WATCHDOG=1
  // WATCHDOG_USEC=: its own hang_timeout from now on; 0: off.
  void worker_watchdog_timeout(WorkerId id, Duration timeout);
  void worker_watchdog_trigger(WorkerId id);  // WATCHDOG=trigger: it says itself that it hangs
  // EXTEND_TIMEOUT_USEC=: its start or drain ends no earlier than `by` from now.
  void worker_extends(WorkerId id, Duration by);
  void worker_status(WorkerId id, std::string text);  // STATUS=, fit for one line
  // For "recycle": what it has answered since it started, and what it holds if that is known.
  void worker_measured(WorkerId id, std::uint64_t requests, std::optional<std::uint64_t> memory_bytes);
  // `oom`: the kernel has killed it for want of memory.
  void worker_exited(WorkerId id, const ExitStatus& status, bool oom = false);

  // Commands.
  // on_reload_finished tells the end. A reload that still runs is ended first, as superseded.
  void reload(std::shared_ptr<const PoolConfig> config);
  // Takes over a config that needs no new worker: it differs from the committed one in `workers`, `restart`, `recycle`,
  // `reload`, `listen` and `description` only. The generation stays; the pool becomes as large as the config says. Ends
  // a reload that runs, as superseded; on_reload_finished tells at once.
  void adopt(std::shared_ptr<const PoolConfig> config);
  // False: outside min…max of the committed config, or stopping.
  [[nodiscard]] bool resize(unsigned workers);
  // False: no such slot, or stopping. A slot that waits or is down is tried now.
  [[nodiscard]] bool recycle(unsigned slot);
  // The slot's worker gets `signal`, and if it ends of it that is no crash. False: there is none.
  [[nodiscard]] bool kill(unsigned slot, int signal);
  void stop();      // drain all
  void stop_now();  // SIGKILL all

  // Looks at every deadline. To be called at next_deadline() or later; earlier does no harm.
  void tick();
  [[nodiscard]] std::optional<Instant> next_deadline() const;

  [[nodiscard]] PoolState state() const;
  [[nodiscard]] unsigned target() const;
  [[nodiscard]] unsigned generation() const;   // the committed one
  [[nodiscard]] unsigned ready_count() const;  // slots that have a ready worker, never more than target()
  [[nodiscard]] unsigned draining_count() const;
  [[nodiscard]] bool reload_waits() const;   // for its turn, as reload.max_draining generations still drain
  [[nodiscard]] bool fully_started() const;  // the first `workers` were all ready once
  [[nodiscard]] bool finished() const;       // stopping and the last worker is gone
  [[nodiscard]] std::vector<WorkerView> workers() const;  // by slot, then id
  [[nodiscard]] std::vector<SlotView> idle_slots() const;
  // The process that a slot is shown with: the one that serves, else the one that starts, else the last that drains.
  [[nodiscard]] std::optional<WorkerView> shown_worker(unsigned slot) const;
  // What keeps a slot below target() empty; nothing for one that is not.
  [[nodiscard]] std::optional<SlotView> idle_slot(unsigned slot) const;
  [[nodiscard]] std::vector<ExitRecord> exits(std::size_t most) const;  // newest first
  [[nodiscard]] const ExitHistory& exit_history() const;                // with the counts of everything that ever ended

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace preforkd
