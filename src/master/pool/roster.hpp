// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <unordered_map>
#include <variant>
#include <vector>

#include "base/errors.hpp"
#include "master/pool/deadlines.hpp"
#include "master/pool/pool_view.hpp"
#include "master/pool/respawn_policy.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// The role of a live worker process in its slot.
enum class Place : std::uint8_t {
  current,    // the slot's worker
  candidate,  // to replace the current one
  leaving,    // asked to leave, leaving by itself, killed, or the remains of one that has ended: it only drains
};

// What is to be known of a worker beside its deadlines, also by a next master (pool_image.hpp).
struct WorkerRecord {
  WorkerId id{};
  unsigned slot = 0;
  Place place = Place::current;
  WorkerState state = WorkerState::starting;
  Instant started_at{};
  std::optional<Instant> ready_at;
  std::optional<Duration> hang_timeout;  // the config's, or its own (WATCHDOG_USEC=)

  std::optional<ExitCause> leaving;         // why we asked it to leave or killed it; nullopt if it leaves by itself
  bool killed = false;                      // got SIGKILL or SIGABRT from a deadline or event::StopNow
  bool sigkilled = false;                   // got SIGKILL from us: nothing more can be done
  bool remains = false;                     // its first process has ended, others have not
  bool crash_counted = false;               // its failure is in its slot's history already
  int operator_signal = 0;                  // the last one that an operator has sent to it,
  Instant operator_signal_at{};             // and when
  std::optional<ExitCause> replace_reason;  // it is to be replaced, for this reason (replacements.hpp)
  std::optional<Instant> recycle_at;        // it has reached a limit of "recycle" and will be replaced then
  bool in_budget = false;                   // it counts for the budget of recycling
  bool notified = false;                    // it has used its notify socket,
  bool pinged = false;                      // and its watchdog

  // Its connections (introductions.hpp).
  std::optional<Moves> moves;     // they may move
  std::optional<WorkerId> taker;  // the last one that it was introduced to
  std::uint32_t left_over = 0;    // connections that it had left then
  bool seeks = false;             // it waits for a taker
  std::uint64_t handed_over = 0;  // connections that were taken while it lived
  Kept kept;

  std::optional<std::uint32_t> talks;  // it exchanges messages with workers of the same protocol (acquaintances.hpp)

  bool operator==(const WorkerRecord&) const = default;
};

// One worker, as long as any of its processes lives.
struct Worker : WorkerRecord {
  Worker(const WorkerRecord& record, std::shared_ptr<const Generation> its_generation)
      : WorkerRecord(record),
        generation(std::move(its_generation)),
        response_deadline(Deadline::Kind::response, static_cast<std::uint64_t>(id)),
        hang_deadline(Deadline::Kind::hang, static_cast<std::uint64_t>(id)),
        lifetime_deadline(Deadline::Kind::lifetime, static_cast<std::uint64_t>(id)) {}

  [[nodiscard]] const PoolConfig& config() const noexcept { return *generation->config; }
  [[nodiscard]] bool ready() const noexcept { return state == WorkerState::ready; }
  // Its WATCHDOG=1 counts.
  [[nodiscard]] bool watchable() const noexcept { return state != WorkerState::starting && !killed && !remains; }
  // Nothing more can be done for its clients, either. What remains of a worker that hung, maybe because it was stopped,
  // is a keeper that did not.
  [[nodiscard]] bool is_over() const noexcept { return sigkilled && !(remains && moves && leaving == ExitCause::hang); }
  [[nodiscard]] Duration ready_for(Instant now) const noexcept { return ready_at ? now - *ready_at : Duration{0}; }

  const std::shared_ptr<const Generation> generation;
  bool queued = false;               // it is in a queue of Replacements
  bool soaked = false;               // a rollout's candidate that survived (rollout.hpp)
  std::vector<WorkerId> tried;       // takers before `taker`: none gets a second chance
  std::optional<WorkerId> gives_to;  // some of its connections go there (rebalance.hpp),
  Instant gives_since{};             // since then

  Deadline response_deadline;  // of a start or a drain
  Deadline hang_deadline;
  Deadline lifetime_deadline;  // of a soak, then of its age
};

// A place for one worker, with a number that stays the same while processes start and end.
struct Slot {
  Slot(unsigned its_number, std::uint64_t seed)
      : number(its_number),
        respawn(seed, its_number),
        recycling(seed, its_number),
        retry(Deadline::Kind::retry, its_number) {}

  [[nodiscard]] bool serves() const noexcept {
    return (current != nullptr && current->ready()) || (candidate != nullptr && candidate->ready());
  }
  [[nodiscard]] bool paired() const noexcept { return current != nullptr && candidate != nullptr; }
  // Processes that even SIGKILL does not end at once (a core dump, a hung file system) must not pile up.
  [[nodiscard]] bool has_unreaped_kills() const noexcept { return killed >= 2; }

  const unsigned number;
  Worker* current = nullptr;
  Worker* candidate = nullptr;
  std::vector<Worker*> leaving;  // in the order in which they began to leave
  RespawnPolicy respawn;
  RespawnPolicy recycling;  // the backoff of a slot that reaches a limit of "recycle" too soon
  Deadline retry;           // armed: in backoff
  bool down = false;        // restart.never
  bool waiting = false;     // empty; will be filled when the surge allows (Scheduler::fill)
  unsigned killed = 0;      // processes that were killed and have not ended yet
  bool touched = false;     // it is in Roster's list of those
};

// What the scheduler wants done, in order: launches, signals, and reports to the observers.
struct SendSignal {
  WorkerId id{};
  int signal = 0;
};
// The giver gets the other end of the connection to the taker that the taker gets.
struct Introduce {
  WorkerId giver{};
  WorkerId taker{};
  std::uint32_t max = 0;  // at most so many connections, of a worker that stays; 0: all, because it leaves
};
// It has asked for a taker, and there is none.
struct DismissGiver {
  WorkerId giver{};
};
// They are to exchange messages.
struct Meet {
  WorkerId one{};
  WorkerId other{};
};
struct ReportReady {
  WorkerView worker;
};
struct ReportDraining {
  WorkerView worker;
  ExitCause why{};
};
struct ReportKilled {
  WorkerView worker;
  ExitCause why{};
  int signal = 0;
};
struct ReportExited {
  ExitRecord exit;
};
struct ReportRemains {
  WorkerView worker;
};
struct ReportRemainsGone {
  WorkerView worker;
};
// A keeper has done a part of its work.
struct ReportKept {
  Kept connections;
};
// Other workers did not take connections of it.
struct ReportNotTaken {
  WorkerView worker;
  NotTakenCounts connections{};
};
struct ReportLaunchFailed {
  unsigned slot = 0;
  Error error = "";
  Instant next_try_at{};
};
struct ReportDeadlinesMoved {
  Duration by{};
};
struct ReportStateChanged {
  PoolState before{};
  PoolState now{};
};
using Action = std::variant<Launch, SendSignal, Introduce, DismissGiver, Meet, ReportReady, ReportDraining,
                            ReportKilled, ReportExited, ReportRemains, ReportRemainsGone, ReportKept, ReportNotTaken,
                            ReportLaunchFailed, ReportDeadlinesMoved, RecycleWait, ReportStateChanged, ReloadFinished>;

// The live workers, the slots, their deadlines and the moves that are possible with them. It decides nothing: each move
// keeps places, counters and deadlines consistent and appends the actions it needs. A move costs O(log n), reading a
// counter O(1).
class Roster {
 public:
  explicit Roster(std::uint64_t seed, std::uint64_t next_id = 1) : seed_(seed), next_id_(next_id) {}
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  // Moves.
  void start(Slot& slot, const std::shared_ptr<const Generation>& generation, Place place, Instant now);
  void ready(Worker& worker, Instant now);
  // A worker that is ready or drains was heard: restarts its hang_timeout, if it has one.
  void watch(Worker& worker, Instant now);
  // Asks it to leave: stop signal now, SIGKILL after its drain_timeout. If it has connections that may move, an
  // Introduce without a taker comes before the signal, for Introductions to complete.
  void drain(Worker& worker, ExitCause why, Instant now);
  // It leaves by itself; SIGKILL after its drain_timeout.
  void leaves(Worker& worker, Instant now);
  // It has sent STOPPING=1: it may no longer have a loop that sends WATCHDOG=1. Its next WATCHDOG=1 turns the watchdog
  // on again.
  void unwatch(Worker& worker) { deadlines_.clear(worker.hang_deadline); }
  // Kills it. With a `bound` it gets SIGKILL that much later if it has not ended.
  void kill(Worker& worker, ExitCause why, int signal, std::optional<Duration> bound, Instant now);
  // Its first process has ended, others have not. They get its stop signal now, and SIGKILL at the end of its
  // drain_timeout, which began when it began to leave, else begins now. With StopMode::mixed they get SIGKILL now.
  void remain(Worker& worker, Instant now);
  // Its connections may move, as its first Hello says.
  void moves(Worker& worker, const Moves& moves);
  // The slot's candidate becomes its current worker; the one before must have ended or be leaving.
  void promote(Slot& slot);
  // The slot's candidate is of a reload that is given up: it leaves, or stays as long as it is the only ready worker.
  void settle_without(Slot& slot, Instant now);
  // No process of it is left, or there never was one. Destroys `worker`.
  void remove(Worker& worker);
  // Takes over a worker of an earlier master. Its deadlines are not set.
  Worker& adopt(const WorkerRecord& record, const std::shared_ptr<const Generation>& generation);

  // Null if it does not live. Whoever gets a slot or a worker to change it, touches the slot.
  [[nodiscard]] Worker* find(WorkerId id);
  [[nodiscard]] const Worker* find(WorkerId id) const;
  [[nodiscard]] Slot& slot(unsigned number);  // made on first use
  [[nodiscard]] bool has_slot(unsigned number) const noexcept { return number < slots_.size(); }
  [[nodiscard]] std::unordered_map<WorkerId, Worker>& workers() noexcept { return workers_; }
  [[nodiscard]] const std::unordered_map<WorkerId, Worker>& workers() const noexcept { return workers_; }
  [[nodiscard]] const std::deque<Slot>& slots() const noexcept { return slots_; }
  [[nodiscard]] WorkerView view(const Worker& worker) const;
  // The process to show for a slot: the one that serves, else the one that starts, else the last that drains. Null if
  // it has none.
  [[nodiscard]] const Worker* shown(unsigned slot) const noexcept;

  // The slots that may have changed, or whose workers may have, since the last call: in no order, each once. `slots` is
  // emptied and swapped in.
  void take_touched(std::vector<unsigned>& slots);
  void touch_all();

  [[nodiscard]] std::uint64_t seed() const noexcept { return seed_; }
  [[nodiscard]] std::uint64_t next_id() const noexcept { return next_id_; }
  [[nodiscard]] Deadlines& deadlines() noexcept { return deadlines_; }
  [[nodiscard]] const Deadlines& deadlines() const noexcept { return deadlines_; }
  [[nodiscard]] std::vector<Action>& actions() noexcept { return actions_; }

  [[nodiscard]] unsigned ready_slots() const noexcept { return ready_slots_; }  // slots with a ready worker
  [[nodiscard]] unsigned pairs() const noexcept { return pairs_; }              // slots with both current and candidate
  [[nodiscard]] bool any_current_starts() const noexcept { return starting_slots_ > 0; }
  // A worker that has died and only has a keeper is none of them.
  [[nodiscard]] unsigned draining() const noexcept { return draining_ - keepers_; }
  // A worker of another generation whose first process has ended has processes left. Those that got SIGKILL count for
  // a moment only.
  [[nodiscard]] bool remains_of_others(unsigned generation) const;
  // The number of generations with draining workers, other than these two. Workers that got SIGKILL are not counted: if
  // it does not end them (a hung file system), nothing must wait for them.
  [[nodiscard]] unsigned draining_generations(unsigned serving, unsigned coming) const;

 private:
  class Recount;

  // What is left of workers that are over.
  struct Killed {
    unsigned workers = 0;
    Deadline dying{Deadline::Kind::linger, 1};  // armed: some of it got SIGKILL a moment ago
  };

  void touch(Slot& slot);
  void to_leaving(Worker& worker);
  void count_killed_remains(const Worker& worker, Instant now);
  void count_killed_down(const Worker& worker);
  static void count_down(std::map<unsigned, unsigned>& by_generation, const Worker& worker);
  void detach(Worker& worker);

  std::uint64_t seed_;
  std::uint64_t next_id_;
  Deadlines deadlines_;
  std::deque<Slot> slots_;
  std::unordered_map<WorkerId, Worker> workers_;
  std::map<unsigned, unsigned> draining_by_generation_;
  std::map<unsigned, unsigned> remains_by_generation_;  // of workers that are not over
  std::map<unsigned, Killed> killed_by_generation_;     // of those that are
  std::vector<Action> actions_;
  std::vector<unsigned> touched_;
  unsigned ready_slots_ = 0;
  unsigned pairs_ = 0;
  unsigned starting_slots_ = 0;  // their current worker starts
  unsigned draining_ = 0;
  unsigned keepers_ = 0;  // among those
};

}  // namespace preforkd
