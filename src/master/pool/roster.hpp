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

#include "master/pool/deadlines.hpp"
#include "master/pool/pool_view.hpp"
#include "master/pool/respawn_policy.hpp"
#include "master/pool/worker_types.hpp"

namespace preforkd {

// What a live worker process is to its slot.
enum class Place : std::uint8_t {
  current,    // the slot's worker
  candidate,  // to take the current one's place
  leaving,    // told to leave, leaving by itself or killed: it only drains
};

// One live worker process.
struct Worker {
  Worker(WorkerId its_id, unsigned its_slot, std::shared_ptr<const Generation> its_generation, Place its_place,
         Instant now)
      : id(its_id),
        slot(its_slot),
        generation(std::move(its_generation)),
        place(its_place),
        started_at(now),
        hang_timeout(generation->config->hang_timeout),
        patience(Deadline::Kind::patience, static_cast<std::uint64_t>(its_id)),
        term(Deadline::Kind::term, static_cast<std::uint64_t>(its_id)) {}

  [[nodiscard]] const PoolConfig& config() const noexcept { return *generation->config; }
  [[nodiscard]] bool ready() const noexcept { return state == WorkerState::ready; }
  [[nodiscard]] Duration ready_for(Instant now) const noexcept { return ready_at ? now - *ready_at : Duration{0}; }

  const WorkerId id;
  const unsigned slot;
  const std::shared_ptr<const Generation> generation;
  Place place;
  WorkerState state = WorkerState::starting;
  const Instant started_at;
  std::optional<Instant> ready_at;
  std::optional<Duration> hang_timeout;  // the config's, or its own (WATCHDOG_USEC=)

  std::optional<ExitCause> leaving;  // why we told it to leave or killed it; none if it leaves by itself
  bool killed = false;               // got SIGKILL or SIGABRT from a deadline or from stop_now()
  bool finished_off = false;         // got SIGKILL from us: there is nothing more to do
  bool counted = false;              // its failure is in its slot's history already
  int operator_signal = 0;           // the last one that an operator had sent to it
  std::optional<ExitCause> wish;     // it is to be replaced, for this reason (replacements.hpp)
  bool queued = false;               // it is in a queue of Replacements
  bool in_budget = false;            // it is one of those that are recycled now
  bool soaked = false;               // a rollout's candidate that survived (rollout.hpp)

  Deadline patience;
  Deadline term;
};

// A place for one worker, with a number that stays while processes come and go.
struct Slot {
  Slot(unsigned its_number, std::uint64_t seed)
      : number(its_number), respawn(seed, its_number), retry(Deadline::Kind::retry, its_number) {}

  [[nodiscard]] bool covered() const noexcept {
    return (current != nullptr && current->ready()) || (candidate != nullptr && candidate->ready());
  }
  [[nodiscard]] bool paired() const noexcept { return current != nullptr && candidate != nullptr; }
  // Processes that even SIGKILL does not end at once (a core dump, a hung file system) must not pile up.
  [[nodiscard]] bool crowded() const noexcept { return killed >= 2; }

  const unsigned number;
  Worker* current = nullptr;
  Worker* candidate = nullptr;
  std::vector<Worker*> leaving;  // the last to be told comes last
  RespawnPolicy respawn;
  Deadline retry;        // armed: in backoff
  bool down = false;     // restart.never
  bool waiting = false;  // empty, and to be filled when the surge allows (Scheduler::fill)
  unsigned killed = 0;   // processes that were killed and are not gone yet
};

// What the scheduler wants done or told, in order.
struct SendSignal {
  WorkerId id{};
  int signal = 0;
};
struct WorkerBecameReady {
  WorkerView worker;
};
struct WorkerDrains {
  WorkerView worker;
  ExitCause why{};
};
struct WorkerKilled {
  WorkerView worker;
  ExitCause why{};
  int signal = 0;
};
struct WorkerEnded {
  ExitRecord exit;
};
struct LaunchFailed {
  unsigned slot = 0;
  int error = 0;
  Instant next_try_at{};
};
struct StateChanged {
  PoolState before{};
  PoolState now{};
};
using Action = std::variant<Launch, SendSignal, WorkerBecameReady, WorkerDrains, WorkerKilled, WorkerEnded,
                            LaunchFailed, StateChanged, ReloadFinished>;

// The live workers, the slots, their deadlines and the moves that are possible with them. It decides nothing: each move
// keeps places, counters and deadlines in step and appends what has to be done. O(log n) a move, O(1) a counter.
class Roster {
 public:
  explicit Roster(std::uint64_t seed) : seed_(seed) {}
  Roster(const Roster&) = delete;
  Roster& operator=(const Roster&) = delete;

  // Moves.
  void start(Slot& slot, const std::shared_ptr<const Generation>& generation, Place place, Instant now);
  void ready(Worker& worker, Instant now);
  // A ready worker was heard: it has its hang_timeout from now on, if it has one.
  void watch(Worker& worker, Instant now);
  // Tells it to leave: stop signal now, SIGKILL after its drain_timeout.
  void drain(Worker& worker, ExitCause why, Instant now);
  // It leaves by itself; SIGKILL after its drain_timeout.
  void leaves(Worker& worker, Instant now);
  // Kills it. With a `bound` it gets SIGKILL that much later if it is still there.
  void kill(Worker& worker, ExitCause why, int signal, std::optional<Duration> bound, Instant now);
  // The slot's candidate becomes its current worker, which must have gone or left before.
  void promote(Slot& slot);
  // The process is gone, or there never was one. `worker` is no more.
  void remove(Worker& worker);

  // Null for one that does not live.
  [[nodiscard]] Worker* find(WorkerId id);
  [[nodiscard]] const Worker* find(WorkerId id) const;
  [[nodiscard]] Slot& slot(unsigned number);  // made on first use
  [[nodiscard]] bool has_slot(unsigned number) const noexcept { return number < slots_.size(); }
  [[nodiscard]] std::unordered_map<WorkerId, Worker>& workers() noexcept { return workers_; }
  [[nodiscard]] const std::unordered_map<WorkerId, Worker>& workers() const noexcept { return workers_; }
  [[nodiscard]] const std::deque<Slot>& slots() const noexcept { return slots_; }
  [[nodiscard]] WorkerView view(const Worker& worker) const;
  // The process that a slot is shown with: the one that serves, else the one that starts, else the last that drains.
  // Null if it has none.
  [[nodiscard]] const Worker* shown(unsigned slot) const noexcept;

  [[nodiscard]] Deadlines& deadlines() noexcept { return deadlines_; }
  [[nodiscard]] const Deadlines& deadlines() const noexcept { return deadlines_; }
  [[nodiscard]] std::vector<Action>& actions() noexcept { return actions_; }

  [[nodiscard]] unsigned ready_slots() const noexcept { return ready_slots_; }  // slots with a ready worker
  [[nodiscard]] unsigned pairs() const noexcept { return pairs_; }              // slots with both current and candidate
  [[nodiscard]] unsigned draining() const noexcept { return draining_; }
  // Generations that have draining workers, apart from these two.
  [[nodiscard]] unsigned draining_generations(unsigned serving, unsigned coming) const;

 private:
  class Recount;

  void to_leaving(Worker& worker);
  void detach(Worker& worker);

  std::uint64_t seed_;
  std::uint64_t next_id_ = 1;
  Deadlines deadlines_;
  std::deque<Slot> slots_;
  std::unordered_map<WorkerId, Worker> workers_;
  std::map<unsigned, unsigned> draining_by_generation_;
  std::vector<Action> actions_;
  unsigned ready_slots_ = 0;
  unsigned pairs_ = 0;
  unsigned draining_ = 0;
};

}  // namespace preforkd
