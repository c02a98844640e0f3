// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/event.hpp"
#include "master/pool/pool_history.hpp"
#include "master/pool/pool_view.hpp"
#include "master/pool/roster.hpp"
#include "master/pool/scheduler.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// Reports all that may be of interest outside; the default is to ignore it. Called from within Pool's step(). Must not
// call the pool back, and must not throw: the rest of that step would be lost.
class PoolObserver {
 public:
  virtual ~PoolObserver() = default;
  virtual void on_worker_started(const WorkerView& /*worker*/) {}
  virtual void on_worker_ready(const WorkerView& /*worker*/) {}
  virtual void on_worker_draining(const WorkerView& /*worker*/, ExitCause /*why*/) {}
  // It got SIGABRT or SIGKILL: a deadline passed, it reported that it hangs, or event::StopNow came.
  virtual void on_worker_killed(const WorkerView& /*worker*/, ExitCause /*why*/, int /*signal*/) {}
  virtual void on_worker_exited(const ExitRecord& /*exit*/) {}
  // After on_worker_exited, if processes of it still run; and when the last of them has ended.
  virtual void on_worker_remains(const WorkerView& /*worker*/) {}
  virtual void on_remains_gone(const WorkerView& /*worker*/) {}
  // Other workers did not take connections of it.
  virtual void on_not_taken(const WorkerView& /*worker*/, const NotTakenCounts& /*connections*/) {}
  // No process could be made; `error` is what the launcher returned.
  virtual void on_launch_failed(unsigned /*slot*/, const Error& /*error*/, Instant /*next_try_at*/) {}
  // The deadlines were not checked for this long, so they were moved out. At most once a minute.
  virtual void on_deadlines_moved(Duration /*by*/) {}
  // Once for each config.
  virtual void on_recycle_waits(const RecycleWait& /*wait*/) {}
  virtual void on_state_changed(PoolState /*before*/, PoolState /*now*/) {}
  // One for each event::Reload and event::Adopt, in their order.
  virtual void on_reload_finished(const ReloadFinished& /*finished*/) {}
};

// Keeps as many workers as the config says. Single-threaded and pure: no system call, no clock, no log of its own. It
// acts through the launcher, reads the clock and reports to its observers. The scheduler decides (scheduler.hpp); the
// pool turns its actions into launcher calls.
class Pool {
 public:
  Pool(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, std::uint64_t seed);
  // Goes on where the pool of an earlier master was. event::Tick must be its first step.
  Pool(const PoolImage& image, const Generations& generations, PoolHistory history, Launcher& launcher,
       const Clock& clock);
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Borrows it. The first that is added is called first.
  void add_observer(PoolObserver& observer) { observers_.push_back(&observer); }

  // The only way in: handles an event and all that follows from it now. False: a command that is refused (event.hpp).
  bool step(const Event& event);
  // The number of steps so far; a change means that anything may have changed.
  [[nodiscard]] std::uint64_t steps() const noexcept { return steps_; }

  // When event::Tick is due if nothing happens before.
  [[nodiscard]] std::optional<Instant> next_deadline() const { return scheduler_.next_deadline(); }

  [[nodiscard]] PoolState state() const { return scheduler_.state(); }
  [[nodiscard]] unsigned target() const { return scheduler_.target(); }
  [[nodiscard]] unsigned generation() const { return scheduler_.generation(); }  // the committed one
  // Slots that have a ready worker, never more than target().
  [[nodiscard]] unsigned ready_count() const { return scheduler_.roster().ready_slots(); }
  [[nodiscard]] unsigned draining_count() const { return scheduler_.roster().draining(); }
  // Its other decisions and their reasons: started(), reload_waits(), older_generations_accept(), …
  [[nodiscard]] const Scheduler& scheduler() const noexcept { return scheduler_; }
  // As Scheduler::take_touched().
  void take_touched(std::vector<unsigned>& slots) { scheduler_.take_touched(slots); }

  [[nodiscard]] std::vector<WorkerView> workers() const;  // by slot, then id
  [[nodiscard]] std::vector<SlotView> idle_slots() const;
  // The process to show for a slot: the one that serves, else the one that starts, else the last that drains.
  [[nodiscard]] std::optional<WorkerView> shown_worker(unsigned slot) const;
  // Why a slot below target() is empty; nullopt if it is not.
  [[nodiscard]] std::optional<SlotView> idle_slot(unsigned slot) const;
  [[nodiscard]] const PoolHistory& history() const noexcept { return history_; }
  [[nodiscard]] std::set<std::size_t> take_changed_exits() { return history_.take_changed(); }

 private:
  bool decide(const Event& event);
  [[nodiscard]] bool lives(WorkerId id) const;
  struct Perform;
  template <class... Takes, class... Told>
  void notify(void (PoolObserver::*of)(Takes...), const Told&... told) {
    for (PoolObserver* const each : observers_) (each->*of)(told...);
  }

  Scheduler scheduler_;
  PoolHistory history_;
  Launcher& launcher_;
  const Clock& clock_;
  std::vector<PoolObserver*> observers_;
  std::uint64_t steps_ = 0;
  std::vector<Action> actions_;
  std::vector<event::LaunchFailed> failed_;
};

}  // namespace preforkd
