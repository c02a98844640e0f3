// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "config/values/pool_config.hpp"
#include "master/base/instant.hpp"
#include "master/pool/event.hpp"
#include "master/pool/introductions.hpp"
#include "master/pool/pool_image.hpp"
#include "master/pool/pool_view.hpp"
#include "master/pool/rebalance.hpp"
#include "master/pool/replacements.hpp"
#include "master/pool/rollout.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// Decides when each worker of a pool starts, is asked to leave, is killed. Pure code: an event and the time go in
// (step()), a list of actions comes out (take_actions()). It makes no system call and reads no clock.
//
// A slot is a place for one worker, numbered 0…target-1. It holds at most two processes that are not leaving:
//
//     (empty) ──start──▶ current: starting ──READY──▶ current: ready ──────────────────┐ asked to leave,
//        ▲                    │ crash, start time-out      │ crash, hang, STOPPING=1    │ scaled away
//        │◀──at once, or after the slot's backoff──────────┴────────────▶ leaving ◀─────┘
//        │                                                                  │ drain_timeout: SIGKILL
//     candidate: starting ──READY (and soak)──▶ becomes current,            ▼
//        starts next to current                 which is asked to leave   (gone)
//
// A worker is all of its processes. When the first one has ended, its slot continues as if none were left. The others
// are a leaving worker without a first process (Worker::remains) until event::RemainsGone. It counts for max_draining
// and for the end of a stop.
//
// A worker that leaves belongs to its slot in name only: any number of them may drain (each has a deadline), but a slot
// with two processes that were killed and have not ended gets no third one.
//
// What starts a process, and which file describes it:
//   an empty slot                        here: fill(); the wait is respawn_policy.hpp's
//   a worker that is to be replaced      replacements.hpp: recycling, operators, leftovers of a failed reload
//   a reload                             rollout.hpp: one transaction at a time
// Both ways of replacing start a candidate first and share one limit, the surge. roster.hpp has the moves,
// deadlines.hpp the deadlines, exit_verdict.hpp the meaning of an exit, introductions.hpp who takes over connections,
// rebalance.hpp how they are spread, standing.hpp how far the pool has come.
//
// Invariants (each asserted in scheduler_random_test.cpp after every step):
//   I1  no ready worker is asked to leave while its slot has no other ready one, except by scaling down, by stopping,
//       by its own will, or within max_unavailable
//   I2  a slot gets a second process only while fewer slots than the surge (at least 1 for replacements) have two:
//       those that are not leaving never exceed target + surge. A reload begins only while fewer than
//       reload.max_draining generations other than the committed one drain
//   I3  deadlines are checked on each step; lateness kills no worker, within the bound of deadlines.hpp
//   I4  backoff per slot, no giving up (except for restart.never), no spinning
//   I5  events about ids that are not alive change nothing
//   I6  recycling has a budget
//   I7  connections go only to a worker that is ready, stays, and has their framing; a worker that seeks one for them
//       waits only as long as one may come
//   I8  a worker that stays is asked to give connections only if the last time has ended, and more than an even share
//   I9  each two workers that talk and were ready meet, once in the life of a master, before one of them ends
//
// A reload during a reload: the new one supersedes the running one, whose candidates leave as after a failure and whose
// caller gets `superseded`; the pool never waits for a generation that is no longer wanted. Rejected: to join them (the
// first caller would get the answer that a config is live which never ran) and to queue them (a bad config that takes
// all of its start_timeout to fail would delay its own fix).
//
// Rejected as a whole: a state machine object per worker that reacts to its own events. Each rule about more than one
// worker (surge, budget, what a reload may do) would need locks or messages between them, and no rule could be read in
// one place.
class Scheduler {
 public:
  // `load`: the open connections of a worker, as of now.
  Scheduler(std::shared_ptr<const PoolConfig> config, std::uint64_t seed, Takers::Load load);
  // Goes on where another one was. A reload that it had begun is aborted: the committed generation stays. The time
  // since then counts as one in which nobody listened. `generations` has those of all workers and the committed one.
  // The first step() must follow at once.
  Scheduler(const PoolImage& image, const Generations& generations, Takers::Load load, Instant now);
  [[nodiscard]] PoolImage image() const;
  [[nodiscard]] Generations generations() const;
  // Its parts. Those of slots need not be read again unless take_touched() has the slot.
  [[nodiscard]] PoolRecord record() const;
  [[nodiscard]] SlotImage slot_image(unsigned number) const;
  void take_touched(std::vector<unsigned>& slots) { roster_.take_touched(slots); }

  // The only way in. `now` never goes back. False: a command that is refused (event.hpp) and has changed nothing.
  bool step(const Event& event, Instant now);

  // The actions since the last call, in order. `actions` is emptied and swapped in, so its memory is reused.
  void take_actions(std::vector<Action>& actions);

  // When event::Tick is due if nothing happens before. Later than `now` after each step.
  [[nodiscard]] std::optional<Instant> next_deadline() const { return roster_.deadlines().next(); }

  [[nodiscard]] PoolState state() const;
  [[nodiscard]] unsigned target() const noexcept { return target_; }
  // The load decides about the target, and has a choice.
  [[nodiscard]] bool scales() const noexcept {
    const WorkerCount& limits = committed_->config->workers;
    return committed_->config->scale && !pinned_ && !stopping_ && (limits.min < limits.max || target_ != limits.min);
  }
  // An operator has decided, and until the next reload the load does not.
  [[nodiscard]] bool pinned() const noexcept { return pinned_; }
  [[nodiscard]] Standing standing(Instant now) const;
  [[nodiscard]] unsigned generation() const noexcept { return committed_->number; }  // the committed one
  [[nodiscard]] std::shared_ptr<const Generation> committed() const noexcept { return committed_; }
  // The first `workers` were all ready once, or a worker is ready and every slot without one fails: it is down, waits
  // for its next try, or had to wait.
  [[nodiscard]] bool started() const;
  // By when all pending starts, soaks and drains have happened or failed. Until the pool is started, failing slots do
  // not count: they must not put this off without end. nullopt: nothing is pending.
  [[nodiscard]] std::optional<Instant> last_response_deadline() const;
  // Stopping, and no process of any worker is left.
  [[nodiscard]] bool finished() const noexcept { return stopping_ && roster_.workers().empty(); }
  // Since the last commit, workers of older generations may still accept connections: they were asked to leave a moment
  // ago, or processes of one that has left still run.
  [[nodiscard]] bool older_generations_accept() const;
  // A reload waits because reload.max_draining generations still drain.
  [[nodiscard]] bool reload_waits() const noexcept { return rollout_ && !rollout_->begun(); }
  // How many slots may have two workers at the moment.
  [[nodiscard]] unsigned surge() const;
  [[nodiscard]] const Roster& roster() const noexcept { return roster_; }

 private:
  // A slot's worker that has just been lost.
  struct Loss {
    unsigned slot = 0;
    bool was_candidate = false;
    bool of_rollout = false;
    bool crashed = false;
    bool for_good = false;  // restart.never
    Duration ready_for{0};
  };

  void handle(Worker& worker, const event::WorkerHeard& event, Instant now);
  void handle(Worker& worker, const event::WorkerExecuted& event, Instant now);
  void handle(Worker& worker, const event::WorkerReady& event, Instant now);
  void handle(Worker& worker, const event::WorkerStopping& event, Instant now);
  void handle(Worker& worker, const event::WorkerAlive& event, Instant now);
  void handle(Worker& worker, const event::WorkerWatchdogTimeout& event, Instant now);
  void handle(Worker& worker, const event::WorkerWatchdogTrigger& event, Instant now);
  void handle(Worker& worker, const event::WorkerExtends& event, Instant now);
  void handle(Worker& worker, const event::WorkerMeasured& event, Instant now);
  void handle(Worker& worker, const event::WorkerMoves& event, Instant now);
  void handle(Worker& worker, const event::WorkerTalks& event, Instant now);
  void handle(Worker& worker, const event::WorkerSeeks& event, Instant now);
  void handle(Worker& worker, const event::WorkerGave& event, Instant now);
  void handle(Worker& worker, const event::WorkerExited& event, Instant now);
  void handle(Worker& worker, const event::RemainsGone& event, Instant now);
  void handle(Worker& worker, const event::LaunchFailed& event, Instant now);
  bool handle(const event::WorkersUnheard& event, Instant now);
  bool handle(const event::Tick& event, Instant now);
  bool handle(const event::Start& event, Instant now);
  bool handle(const event::Reload& event, Instant now);
  bool handle(const event::Adopt& event, Instant now);
  bool handle(const event::Resize& event, Instant now);
  bool handle(const event::Scale& event, Instant now);
  bool handle(const event::Unpin& event, Instant now);
  bool handle(const event::Recycle& event, Instant now);
  bool handle(const event::Rebalance& event, Instant now);
  bool handle(const event::Kill& event, Instant now);
  bool handle(const event::Stop& event, Instant now);
  bool handle(const event::StopNow& event, Instant now);

  void adopt(const SlotImage& image, Slot& slot);
  void adopt(const WorkerImage& image, const std::shared_ptr<const Generation>& generation, Instant now);

  void settle(Instant now);
  void expired(const Deadline& deadline, Instant now);
  void become_ready(Worker& worker, Instant now);
  void response_timed_out(Worker& worker, Instant now);
  void abort_hung(Worker& worker, Instant now);
  void notice_state();

  void fill(Slot& slot, Instant now);
  void fill_waiting(Instant now);
  [[nodiscard]] Loss loss_of(const Worker& worker, bool crashed, Instant now) const;
  void kill_as_crashed(Worker& worker, ExitCause cause, int signal, std::optional<Duration> bound, Instant now);
  void leaving_worker_exited(Worker& worker, ExitRecord record, bool remains, Instant now);
  // Forgets the worker, or keeps its remains.
  void end(Worker& worker, bool remains, Instant now);
  // Nothing is left of it.
  void forget(Worker& worker);
  void fill_if_unblocked(Slot& slot, bool was_blocked, Instant now);
  // Handles a loss, in this order: sets the slot's backoff; reports `record`, if the process has ended; promotes a
  // waiting candidate, or fills the slot. In a rollout: aborts it with `verdict`.
  void handle_loss(const Loss& loss, std::optional<ExitRecord> record, ReloadFinished verdict, Instant now);
  // Reports an exit and what follows in its slot, which no longer has that worker.
  void report_exit(ExitRecord record, const Slot& slot);
  // Returns the time until the next try.
  [[nodiscard]] Duration count_crash(Slot& slot, Duration ready_for, Instant now);
  void back_off(Slot& slot, Duration wait, Instant now);
  void take_down(Slot& slot);
  void promote_or_fill(Slot& slot, bool was_candidate, Instant now);

  [[nodiscard]] bool rolls() const noexcept { return rollout_ && rollout_->begun(); }
  // How many workers a pool that has `present` has with the config of `coming`. At least 1: its workers must try it.
  [[nodiscard]] unsigned target_of(const Generation& coming, unsigned present) const;
  void advance_rollout(Instant now);
  void replace_left_behind();
  void commit(Instant now);
  void abort_rollout(ReloadFinished verdict, Instant now);
  void finish_rollout(ReloadFinished verdict);
  void set_target(unsigned target, Instant now);
  void clear_slot(Slot& slot, Instant now);
  void begin_stop();

  Roster roster_;
  Replacements replacements_;
  Introductions introductions_;
  Rebalance rebalance_;
  std::shared_ptr<Generation> committed_;
  std::optional<Rollout> rollout_;
  Deadline lingering_{Deadline::Kind::linger, 0};  // armed: the last commit was less than linger_time ago
  std::deque<unsigned> waiting_slots_;             // empty, but their candidates use up the surge
  std::set<unsigned> crashed_;                     // slots that have ever crashed more than once
  unsigned next_generation_ = 2;
  unsigned target_;
  bool pinned_ = false;
  bool empty_after_rollout_ = false;  // an operator wants no worker, which the reload does not allow yet
  bool started_ = false;
  bool fully_started_ = false;
  bool degraded_ = false;
  bool stopping_ = false;
  PoolState reported_state_ = PoolState::starting;
};

}  // namespace preforkd
