// SPDX-License-Identifier: MIT
#include "master/pool/roster.hpp"

#include <algorithm>
#include <csignal>
#include <tuple>
#include <utility>

namespace preforkd {

namespace {

// In which SIGKILL normally ends a process.
constexpr Duration death_bound = std::chrono::seconds(1);

}  // namespace

// Takes a slot out of the counters while it changes.
class Roster::Recount {
 public:
  Recount(Roster& roster, const Slot& slot) : roster_(roster), slot_(slot) {
    roster_.ready_slots_ -= slot_.serves() ? 1U : 0U;
    roster_.pairs_ -= slot_.paired() ? 1U : 0U;
    roster_.starting_slots_ -= starts() ? 1U : 0U;
  }
  ~Recount() {
    roster_.ready_slots_ += slot_.serves() ? 1U : 0U;
    roster_.pairs_ += slot_.paired() ? 1U : 0U;
    roster_.starting_slots_ += starts() ? 1U : 0U;
  }
  Recount(const Recount&) = delete;
  Recount& operator=(const Recount&) = delete;

 private:
  [[nodiscard]] bool starts() const noexcept {
    return slot_.current != nullptr && slot_.current->state == WorkerState::starting;
  }

  Roster& roster_;
  const Slot& slot_;
};

void Roster::start(Slot& slot, const std::shared_ptr<const Generation>& generation, Place place, Instant now) {
  const WorkerId id{next_id_++};
  WorkerRecord record;
  record.id = id;
  record.slot = slot.number;
  record.place = place;
  record.started_at = now;
  record.hang_timeout = generation->config->hang_timeout;
  Worker& worker = workers_.emplace(std::piecewise_construct, std::tuple(id), std::forward_as_tuple(record, generation))
                       .first->second;
  const Recount recount(*this, slot);
  (place == Place::current ? slot.current : slot.candidate) = &worker;
  deadlines_.set(worker.response_deadline, now + worker.config().start_timeout);
  actions_.emplace_back(Launch{id, slot.number, generation});
}

void Roster::ready(Worker& worker, Instant now) {
  Slot& its_slot = slot(worker.slot);
  const Recount recount(*this, its_slot);
  worker.state = WorkerState::ready;
  worker.ready_at = now;
  its_slot.respawn.worked();
  deadlines_.clear(worker.response_deadline);
  watch(worker, now);
  actions_.emplace_back(ReportReady{view(worker)});
}

void Roster::watch(Worker& worker, Instant now) {
  if (worker.hang_timeout) {
    deadlines_.set(worker.hang_deadline, now + *worker.hang_timeout);
  } else {
    deadlines_.clear(worker.hang_deadline);
  }
}

void Roster::drain(Worker& worker, ExitCause why, Instant now) {
  if (worker.moves && worker.ready()) actions_.emplace_back(Introduce{worker.id, {}});
  to_leaving(worker);
  worker.leaving = why;
  deadlines_.set(worker.response_deadline, now + worker.config().drain_timeout);
  actions_.emplace_back(SendSignal{worker.id, worker.config().stop_signal});
  actions_.emplace_back(ReportDraining{view(worker), why});
}

void Roster::leaves(Worker& worker, Instant now) {
  to_leaving(worker);
  unwatch(worker);
  deadlines_.set(worker.response_deadline, now + worker.config().drain_timeout);
  actions_.emplace_back(ReportDraining{view(worker), ExitCause::exit});
}

void Roster::kill(Worker& worker, ExitCause why, int signal, std::optional<Duration> bound, Instant now) {
  touch(slots_[worker.slot]);
  if (worker.place != Place::leaving) to_leaving(worker);
  if (!worker.killed) {
    worker.leaving = why;
    worker.killed = true;
    ++slot(worker.slot).killed;
  }
  if (signal == SIGKILL && !std::exchange(worker.sigkilled, true)) count_down(draining_by_generation_, worker);
  if (signal == SIGKILL && worker.remains) {
    count_down(remains_by_generation_, worker);
    count_killed_remains(worker, now);
  }
  deadlines_.clear(worker.hang_deadline);
  if (bound) {
    deadlines_.set(worker.response_deadline, now + *bound);
  } else {
    deadlines_.clear(worker.response_deadline);
  }
  actions_.emplace_back(SendSignal{worker.id, signal});
  actions_.emplace_back(ReportKilled{view(worker), *worker.leaving, signal});
}

void Roster::remain(Worker& worker, Instant now) {
  const bool has_deadline = worker.place == Place::leaving && !worker.killed;
  if (worker.place != Place::leaving) to_leaving(worker);
  worker.remains = true;
  if (worker.moves) ++keepers_;
  deadlines_.clear(worker.hang_deadline);
  // A worker whose connections may move leaves its keeper, which needs its time.
  const bool at_once = worker.config().stop == StopMode::mixed && !worker.moves;
  if (at_once && !std::exchange(worker.sigkilled, true)) {
    count_down(draining_by_generation_, worker);
    deadlines_.clear(worker.response_deadline);
  }
  if (worker.is_over()) {
    count_killed_remains(worker, now);
    actions_.emplace_back(SendSignal{worker.id, SIGKILL});
    return;
  }
  ++remains_by_generation_[worker.generation->number];
  if (std::exchange(worker.killed, false)) --slot(worker.slot).killed;  // SIGABRT was for the first process only
  if (!has_deadline) deadlines_.set(worker.response_deadline, now + worker.config().drain_timeout);
  actions_.emplace_back(SendSignal{worker.id, worker.config().stop_signal});
}

void Roster::moves(Worker& worker, const Moves& moves) {
  if (worker.moves || (worker.remains && worker.sigkilled)) return;
  worker.moves = moves;
  if (worker.remains) ++keepers_;
}

void Roster::promote(Slot& slot) {
  const Recount recount(*this, slot);
  slot.current = std::exchange(slot.candidate, nullptr);
  slot.current->place = Place::current;
}

void Roster::settle_without(Slot& slot, Instant now) {
  const bool serves_without = slot.current != nullptr && slot.current->ready();
  if (!slot.candidate->ready() || serves_without) return drain(*slot.candidate, ExitCause::reloaded, now);
  if (slot.current != nullptr) drain(*slot.current, ExitCause::reloaded, now);
  deadlines_.clear(slot.candidate->lifetime_deadline);
  promote(slot);
}

void Roster::remove(Worker& worker) {
  if (worker.place == Place::leaving) {
    --draining_;
    if (!worker.sigkilled) count_down(draining_by_generation_, worker);
    if (worker.remains && !worker.is_over()) count_down(remains_by_generation_, worker);
    if (worker.remains && worker.is_over()) count_killed_down(worker);
    if (worker.remains && worker.moves) --keepers_;
    std::erase(slot(worker.slot).leaving, &worker);
  } else {
    detach(worker);
  }
  if (worker.killed) --slot(worker.slot).killed;
  deadlines_.clear(worker.response_deadline);
  deadlines_.clear(worker.hang_deadline);
  deadlines_.clear(worker.lifetime_deadline);
  workers_.erase(WorkerId{worker.id});
}

Worker& Roster::adopt(const WorkerRecord& record, const std::shared_ptr<const Generation>& generation) {
  Worker& worker =
      workers_.emplace(std::piecewise_construct, std::tuple(record.id), std::forward_as_tuple(record, generation))
          .first->second;
  Slot& its_slot = slot(worker.slot);
  const Recount recount(*this, its_slot);
  its_slot.killed += worker.killed ? 1U : 0U;
  if (worker.place == Place::current) its_slot.current = &worker;
  if (worker.place == Place::candidate) its_slot.candidate = &worker;
  if (worker.place != Place::leaving) return worker;
  its_slot.leaving.push_back(&worker);
  ++draining_;
  if (!worker.sigkilled) ++draining_by_generation_[worker.generation->number];
  if (worker.remains && !worker.is_over()) ++remains_by_generation_[worker.generation->number];
  if (worker.remains && worker.is_over()) ++killed_by_generation_[worker.generation->number].workers;
  if (worker.remains && worker.moves) ++keepers_;
  return worker;
}

Worker* Roster::find(WorkerId id) {
  const auto found = workers_.find(id);
  if (found == workers_.end()) return nullptr;
  touch(slots_[found->second.slot]);
  return &found->second;
}

const Worker* Roster::find(WorkerId id) const {
  const auto found = workers_.find(id);
  return found == workers_.end() ? nullptr : &found->second;
}

Slot& Roster::slot(unsigned number) {
  while (slots_.size() <= number) touch(slots_.emplace_back(static_cast<unsigned>(slots_.size()), seed_));
  touch(slots_[number]);
  return slots_[number];
}

void Roster::touch(Slot& slot) {
  if (!std::exchange(slot.touched, true)) touched_.push_back(slot.number);
}

void Roster::touch_all() {
  for (Slot& slot : slots_) touch(slot);
}

void Roster::take_touched(std::vector<unsigned>& slots) {
  slots.clear();
  slots.swap(touched_);
  for (const unsigned number : slots) slots_[number].touched = false;
}

WorkerView Roster::view(const Worker& worker) const {
  WorkerView view;
  view.id = worker.id;
  view.slot = worker.slot;
  view.generation = worker.generation->number;
  view.state = worker.state;
  view.remains = worker.remains;
  view.moves = worker.moves.has_value();
  view.kept = worker.kept;
  view.started_at = worker.started_at;
  view.ready_at = worker.ready_at;
  if (worker.place == Place::leaving) view.drain_deadline = deadlines_.time_of(worker.response_deadline);
  return view;
}

const Worker* Roster::shown(unsigned number) const noexcept {
  if (number >= slots_.size()) return nullptr;
  const Slot& slot = slots_[number];
  for (const Worker* worker : {slot.current, slot.candidate}) {
    if (worker != nullptr && worker->ready()) return worker;
  }
  if (slot.current != nullptr) return slot.current;
  if (slot.candidate != nullptr) return slot.candidate;
  const auto last =
      std::find_if(slot.leaving.rbegin(), slot.leaving.rend(), [](const Worker* w) { return !w->remains; });
  return last == slot.leaving.rend() ? nullptr : *last;
}

bool Roster::remains_of_others(unsigned generation) const {
  return std::any_of(remains_by_generation_.begin(), remains_by_generation_.end(),
                     [&](const auto& each) { return each.first != generation; }) ||
         std::any_of(killed_by_generation_.begin(), killed_by_generation_.end(),
                     [&](const auto& each) { return each.first != generation && each.second.dying.armed(); });
}

unsigned Roster::draining_generations(unsigned serving, unsigned coming) const {
  unsigned count = 0;
  for (const auto& [number, workers] : draining_by_generation_) {
    if (number != serving && number != coming) ++count;
  }
  return count;
}

void Roster::to_leaving(Worker& worker) {
  detach(worker);
  worker.place = Place::leaving;
  worker.state = WorkerState::draining;
  slot(worker.slot).leaving.push_back(&worker);
  deadlines_.clear(worker.lifetime_deadline);
  ++draining_;
  ++draining_by_generation_[worker.generation->number];
}

void Roster::count_killed_remains(const Worker& worker, Instant now) {
  Killed& killed = killed_by_generation_[worker.generation->number];
  ++killed.workers;
  deadlines_.set(killed.dying, now + death_bound);
}

void Roster::count_killed_down(const Worker& worker) {
  const auto killed = killed_by_generation_.find(worker.generation->number);
  if (--killed->second.workers > 0) return;
  deadlines_.clear(killed->second.dying);
  killed_by_generation_.erase(killed);
}

void Roster::count_down(std::map<unsigned, unsigned>& by_generation, const Worker& worker) {
  const auto count = by_generation.find(worker.generation->number);
  if (--count->second == 0) by_generation.erase(count);
}

void Roster::detach(Worker& worker) {
  Slot& its_slot = slot(worker.slot);
  const Recount recount(*this, its_slot);
  if (its_slot.current == &worker) its_slot.current = nullptr;
  if (its_slot.candidate == &worker) its_slot.candidate = nullptr;
}

}  // namespace preforkd
