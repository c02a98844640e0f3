// SPDX-License-Identifier: MIT
#include "master/pool/scheduler.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "master/pool/acquaintances.hpp"
#include "master/pool/exit_verdict.hpp"
#include "master/pool/standing.hpp"
#include "master/pool/worker_target.hpp"

namespace preforkd {
namespace {

// The time that a hung worker has to write its core after SIGABRT. Its clients wait meanwhile, so it is short.
constexpr Duration abort_bound = std::chrono::seconds(10);
// A worker may ask for more time repeatedly, but at most for this much at once.
constexpr Duration max_extension = std::chrono::hours(1);
constexpr Duration max_hang_timeout = std::chrono::hours(24 * 7);

// The shell of a start script ends a moment after its stop signal, and then its leftovers are seen. A server that
// drains still runs after this time, and no longer accepts.
constexpr Duration linger_time = std::chrono::milliseconds(100);

}  // namespace

Scheduler::Scheduler(std::shared_ptr<const PoolConfig> config, std::uint64_t seed, Takers::Load load)
    : roster_(seed),
      replacements_(roster_, seed),
      introductions_(roster_, load),
      rebalance_(roster_, std::move(load)),
      committed_(std::make_shared<Generation>(Generation{1, std::move(config)})),
      target_(committed_->config->workers.initial) {}

bool Scheduler::step(const Event& event, Instant now) {
  if (roster_.deadlines().observe(now)) roster_.touch_all();
  const bool accepted = std::visit(
      [&](const auto& what) {
        if constexpr (requires { what.id; }) {
          if (Worker* const worker = roster_.find(what.id)) handle(*worker, what, now);
          return true;
        } else {
          return handle(what, now);
        }
      },
      event);
  // The next event may be the one that a deadline waits for.
  if (!std::holds_alternative<event::WorkersUnheard>(event)) settle(now);
  return accepted;
}

void Scheduler::handle(Worker& worker, const event::WorkerHeard& /*event*/, Instant /*now*/) { worker.notified = true; }

void Scheduler::handle(Worker& worker, const event::WorkerExecuted& /*event*/, Instant now) {
  if (worker.state != WorkerState::starting || worker.config().ready != ReadyMode::exec) return;
  roster_.deadlines().clear(worker.response_deadline);
  roster_.deadlines().set(worker.lifetime_deadline, now + worker.config().reload.soak);
}

void Scheduler::handle(Worker& worker, const event::WorkerReady& /*event*/, Instant now) {
  if (worker.state == WorkerState::starting && worker.config().ready == ReadyMode::notify) become_ready(worker, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerStopping& /*event*/, Instant now) {
  if (worker.place == Place::leaving) return roster_.unwatch(worker);
  const Loss loss = loss_of(worker, worker.ready_for(now) < RespawnPolicy::short_life, now);
  worker.crash_counted = loss.crashed;
  roster_.leaves(worker, now);
  handle_loss(loss, std::nullopt, ReloadFinished{.end = ReloadEnd::worker_failed, .slot = loss.slot}, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerAlive& /*event*/, Instant now) {
  worker.pinged = true;
  if (worker.watchable()) roster_.watch(worker, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerWatchdogTimeout& event, Instant now) {
  worker.hang_timeout.reset();
  if (event.timeout > Duration{0}) worker.hang_timeout = std::min(event.timeout, max_hang_timeout);
  if (worker.watchable()) roster_.watch(worker, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerWatchdogTrigger& /*event*/, Instant now) {
  worker.pinged = true;
  if (!worker.killed && !worker.sigkilled) abort_hung(worker, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerExtends& event, Instant now) {
  if (worker.ready() || worker.killed) return;
  const Instant until = now + std::clamp(event.by, Duration{0}, max_extension);
  const auto present = roster_.deadlines().time_of(worker.response_deadline);
  if (present && until > *present) roster_.deadlines().set(worker.response_deadline, until);
}

void Scheduler::handle(Worker& worker, const event::WorkerMeasured& event, Instant now) {
  if (!stopping_) replacements_.measured(worker, event.requests, event.memory_bytes, now);
}

void Scheduler::handle(Worker& worker, const event::WorkerMoves& event, Instant /*now*/) {
  roster_.moves(worker, event.moves);
}

void Scheduler::handle(Worker& worker, const event::WorkerTalks& event, Instant /*now*/) {
  if (worker.talks) return;
  worker.talks = event.protocol;
  introduce_to_all(worker, roster_);
}

void Scheduler::handle(Worker& worker, const event::WorkerSeeks& event, Instant /*now*/) {
  rebalance_.gave(worker);
  introductions_.seeks(worker, event.connections);
}

void Scheduler::handle(Worker& worker, const event::WorkerGave& event, Instant /*now*/) {
  rebalance_.gave(worker);
  if (event.by_keeper) {
    worker.kept.moved += event.connections;
    worker.kept.closed += event.closed;
    roster_.actions().emplace_back(ReportKept{{event.connections, event.closed}});
  } else {
    worker.handed_over += event.connections;
  }
  if (event.refused != NotTakenCounts{}) {
    roster_.actions().emplace_back(ReportNotTaken{roster_.view(worker), event.refused});
  }
}

void Scheduler::handle(Worker& worker, const event::WorkerExited& event, Instant now) {
  if (worker.remains) return;
  ExitRecord record = judge(worker, event.status, event.oom, now);
  record.pid = event.pid;
  record.used = event.used;
  if (!event.remains) record.kept = worker.kept;
  if (worker.place == Place::leaving) {
    leaving_worker_exited(worker, std::move(record), event.remains, now);
  } else {
    Loss loss = loss_of(worker, record.failed, now);
    loss.for_good = never_again(worker, record);
    end(worker, event.remains, now);
    ReloadFinished verdict{.end = ReloadEnd::worker_failed, .slot = loss.slot, .failure = record};
    handle_loss(loss, std::move(record), std::move(verdict), now);
  }
  if (event.remains) roster_.actions().emplace_back(ReportRemains{roster_.view(worker)});
}

void Scheduler::handle(Worker& worker, const event::RemainsGone& /*event*/, Instant now) {
  if (!worker.remains) return;
  Slot& slot = roster_.slot(worker.slot);
  const bool was_blocked = slot.has_unreaped_kills();
  roster_.actions().emplace_back(ReportRemainsGone{roster_.view(worker)});
  forget(worker);
  fill_if_unblocked(slot, was_blocked, now);
}

void Scheduler::handle(Worker& worker, const event::LaunchFailed& event, Instant now) {
  const bool leaving = worker.place == Place::leaving;
  const Loss loss = loss_of(worker, false, now);
  replacements_.forget(worker);
  roster_.remove(worker);
  if (loss.of_rollout) {
    abort_rollout(ReloadFinished{.end = ReloadEnd::not_started, .slot = loss.slot, .error = event.error}, now);
  } else if (!leaving) {
    Slot& slot = roster_.slot(loss.slot);
    back_off(slot, slot.respawn.launch_failed(committed_->config->restart), now);
    roster_.actions().emplace_back(
        ReportLaunchFailed{loss.slot, event.error, roster_.deadlines().time_of(slot.retry).value_or(now)});
    promote_or_fill(slot, loss.was_candidate, now);
  }
}

bool Scheduler::handle(const event::WorkersUnheard& event, Instant now) {
  for (const WorkerId id : event.ids) {
    Worker* const worker = roster_.find(id);
    if (worker != nullptr && worker->hang_deadline.armed()) roster_.watch(*worker, now);
  }
  return true;
}

bool Scheduler::handle(const event::Tick& /*event*/, Instant /*now*/) { return true; }

bool Scheduler::handle(const event::Start& /*event*/, Instant now) {
  if (started_ || stopping_) return true;
  started_ = true;
  for (unsigned number = 0; number < target_; ++number) fill(roster_.slot(number), now);
  return true;
}

bool Scheduler::handle(const event::Reload& event, Instant now) {
  auto generation = std::make_shared<Generation>(Generation{next_generation_++, event.config});
  if (stopping_ || !started_) {
    const ReloadEnd end = stopping_ ? ReloadEnd::stopping : ReloadEnd::done;
    if (!stopping_) {
      target_ = generation->config->workers.initial;
      committed_ = generation;
    }
    roster_.actions().emplace_back(ReloadFinished{.end = end, .generation = generation->number});
    return true;
  }
  const bool empty_after = std::exchange(empty_after_rollout_, false);
  if (rollout_) abort_rollout(ReloadFinished{.end = ReloadEnd::superseded}, now);
  empty_after_rollout_ = empty_after;
  // A pool without workers tries the new config with one, which the first client then finds ready.
  target_ = std::max(target_, 1U);
  const unsigned target = target_of(*generation, target_);
  const unsigned least = generation->config->workers.min;
  rollout_.emplace(roster_, replacements_, committed_->number, std::move(generation), target);
  if (empty_after) rollout_->set_target(least);
  return true;
}

bool Scheduler::handle(const event::Adopt& event, Instant now) {
  if (!stopping_) {
    if (rollout_) abort_rollout(ReloadFinished{.end = ReloadEnd::superseded}, now);
    const unsigned target = target_after(*committed_->config, *event.config, target_);
    committed_->config = event.config;
    replacements_.limits_changed();
    pinned_ = false;
    set_target(target, now);
  }
  const ReloadEnd end = stopping_ ? ReloadEnd::stopping : ReloadEnd::done;
  roster_.actions().emplace_back(ReloadFinished{.end = end, .generation = committed_->number});
  return true;
}

bool Scheduler::handle(const event::Resize& event, Instant now) {
  const WorkerCount& limits = committed_->config->workers;
  if (stopping_ || event.workers < limits.min || event.workers > limits.max) return false;
  if (rollout_) {
    const WorkerCount& coming = rollout_->generation()->config->workers;
    rollout_->set_target(std::clamp(event.workers, coming.min, std::max(coming.min, coming.max)));
  }
  pinned_ = committed_->config->scale.has_value();
  empty_after_rollout_ = rollout_.has_value() && event.workers == 0;
  set_target(empty_after_rollout_ ? 1 : event.workers, now);
  return true;
}

bool Scheduler::handle(const event::Scale& event, Instant now) {
  const WorkerCount& limits = committed_->config->workers;
  if (!scales() || rolls() || event.workers < limits.min || event.workers > limits.max) return false;
  if (rollout_) {
    if (event.workers == 0) return false;
    empty_after_rollout_ = false;
    rollout_->set_target(target_of(*rollout_->generation(), event.workers));
  }
  set_target(event.workers, now);
  return true;
}

bool Scheduler::handle(const event::Unpin& /*event*/, Instant /*now*/) {
  if (stopping_ || !committed_->config->scale) return false;
  pinned_ = false;
  return true;
}

bool Scheduler::handle(const event::Recycle& event, Instant now) {
  if (stopping_ || event.slot >= target_ || !roster_.has_slot(event.slot)) return false;
  Slot& slot = roster_.slot(event.slot);
  roster_.deadlines().clear(slot.retry);
  slot.respawn.forget();
  slot.recycling.forget();
  slot.down = false;
  if (slot.current != nullptr) {
    replacements_.request(*slot.current, ExitCause::operator_request);
    replacements_.requeue(slot);
  }
  fill(slot, now);
  return true;
}

bool Scheduler::handle(const event::Rebalance& /*event*/, Instant /*now*/) {
  if (stopping_) return false;
  rebalance_.request();
  return true;
}

bool Scheduler::handle(const event::Kill& event, Instant now) {
  if (!roster_.has_slot(event.slot)) return false;
  const Slot& slot = roster_.slot(event.slot);
  Worker* const worker = slot.current != nullptr ? slot.current : slot.candidate;
  if (worker == nullptr) return false;
  worker->operator_signal = event.signal;
  worker->operator_signal_at = now;
  roster_.actions().emplace_back(SendSignal{worker->id, event.signal});
  return true;
}

bool Scheduler::handle(const event::Stop& /*event*/, Instant now) {
  begin_stop();
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    const Slot& slot = roster_.slot(number);
    for (Worker* const worker : {slot.candidate, slot.current}) {
      if (worker != nullptr) roster_.drain(*worker, ExitCause::operator_request, now);
    }
  }
  return true;
}

bool Scheduler::handle(const event::StopNow& /*event*/, Instant now) {
  begin_stop();
  for (auto& [id, worker] : roster_.workers()) {
    const bool is_over = worker.is_over();
    if (worker.leaving == ExitCause::hang) worker.leaving = ExitCause::operator_request;  // its keeper ends, too
    if (!is_over) roster_.kill(worker, ExitCause::operator_request, SIGKILL, std::nullopt, now);
  }
  return true;
}

void Scheduler::take_actions(std::vector<Action>& actions) {
  actions.clear();
  actions.swap(roster_.actions());
}

PoolState Scheduler::state() const {
  if (stopping_) return PoolState::stopping;
  if (rollout_) return PoolState::reloading;
  if (degraded_) return PoolState::degraded;
  return fully_started_ ? PoolState::running : PoolState::starting;
}

bool Scheduler::older_generations_accept() const {
  const unsigned live = committed_->number;
  return (lingering_.armed() && roster_.draining_generations(live, live) > 0) || roster_.remains_of_others(live);
}

bool Scheduler::started() const { return fully_started_ || all_ready_or_failing(roster_, target_); }

Standing Scheduler::standing(Instant now) const {
  if (!started_ || stopping_ || rolls()) return Standing::changing;
  return standing_of(roster_, target_, crashed_, committed_->config->restart.forget_after, now);
}

std::optional<Instant> Scheduler::last_response_deadline() const {
  return preforkd::last_response_deadline(roster_, stopping_ || started());
}

unsigned Scheduler::surge() const {
  return rolls() ? rollout_->surge(target_) : std::max(1U, surge_limit(committed_->config->reload, target_));
}

// Each step ends here. Deadlines come first, so that what they free can be used at once. The actions may set a deadline
// that has already passed: the age of a worker that was ready long before its rollout advanced.
void Scheduler::settle(Instant now) {
  if (const auto by = roster_.deadlines().take_move()) roster_.actions().emplace_back(ReportDeadlinesMoved{*by});
  do {
    while (const Deadline* const due = roster_.deadlines().take_due(now)) expired(*due, now);
    if (stopping_) break;
    advance_rollout(now);
    fill_waiting(now);
    if (!rolls()) replacements_.advance(committed_, surge(), now);
  } while (next_deadline() && *next_deadline() <= now);
  if (!older_generations_accept()) roster_.deadlines().clear(lingering_);
  introductions_.settle(target_, rolls() ? *rollout_->generation() : *committed_, rolls() ? committed_.get() : nullptr);
  rebalance_.settle(!rollout_ && !stopping_, target_, *committed_, now);
  notice_state();
}

void Scheduler::expired(const Deadline& deadline, Instant now) {
  if (deadline.kind == Deadline::Kind::linger) return;
  if (deadline.kind == Deadline::Kind::look) return rebalance_.look_again();
  if (deadline.kind == Deadline::Kind::retry) {
    Slot& slot = roster_.slot(static_cast<unsigned>(deadline.key));
    fill(slot, now);
    replacements_.requeue(slot);
    return;
  }
  Worker& worker = *roster_.find(WorkerId{deadline.key});
  if (deadline.kind == Deadline::Kind::response) {
    response_timed_out(worker, now);
  } else if (deadline.kind == Deadline::Kind::hang) {
    abort_hung(worker, now);
  } else if (worker.state == WorkerState::starting) {
    become_ready(worker, now);
  } else if (rollout_ && rollout_->owns(worker) && worker.place == Place::candidate) {
    rollout_->candidate_soaked(worker);
  } else {
    replacements_.too_old(worker, now);
  }
}

void Scheduler::become_ready(Worker& worker, Instant now) {
  roster_.ready(worker, now);
  introduce_to_all(worker, roster_);
  if (rollout_ && rollout_->owns(worker)) {
    rollout_->candidate_ready(worker, now);
  } else if (worker.place == Place::candidate) {
    replacements_.candidate_ready(worker, now);
  } else {
    replacements_.watch_age(worker);
    // Its slot had none: the pool has grown, or the one before has died.
    if (committed_->config->rebalance == RebalanceMode::on_resize) rebalance_.request_soon();
  }
}

void Scheduler::response_timed_out(Worker& worker, Instant now) {
  if (worker.place == Place::leaving) {
    if (worker.remains && worker.leaving == ExitCause::hang)
      worker.leaving = ExitCause::drain_timeout;  // now it is over
    roster_.kill(worker, ExitCause::drain_timeout, SIGKILL, std::nullopt, now);
  } else {
    kill_as_crashed(worker, ExitCause::start_timeout, SIGKILL, std::nullopt, now);
  }
}

void Scheduler::abort_hung(Worker& worker, Instant now) {
  const Duration bound = std::min(worker.config().drain_timeout, abort_bound);
  if (worker.place == Place::leaving) {
    roster_.kill(worker, ExitCause::hang, SIGABRT, bound, now);
  } else {
    kill_as_crashed(worker, ExitCause::hang, SIGABRT, bound, now);
  }
}

void Scheduler::notice_state() {
  if (started_ && roster_.ready_slots() >= target_) {
    fully_started_ = true;
    if (!rollout_) degraded_ = false;  // new workers may fail before the commit and leave their slots unchanged
  }
  const PoolState now = state();
  if (now == reported_state_) return;
  roster_.actions().emplace_back(ReportStateChanged{std::exchange(reported_state_, now), now});
}

void Scheduler::begin_stop() {
  stopping_ = true;
  if (rollout_) finish_rollout(ReloadFinished{.end = ReloadEnd::stopping});
  for (unsigned number = 0; roster_.has_slot(number); ++number) roster_.deadlines().clear(roster_.slot(number).retry);
  for (const unsigned number : waiting_slots_) roster_.slot(number).waiting = false;
  waiting_slots_.clear();
  rebalance_.end();
  roster_.deadlines().clear(lingering_);
}

void Scheduler::advance_rollout(Instant now) {
  if (rollout_ && rollout_->advance(target_, now)) commit(now);
  if (reload_waits()) fill(roster_.slot(0), now);  // clients of a pool that had no worker do not wait with it
}

void Scheduler::commit(Instant now) {
  const unsigned target = rollout_->target();
  empty_after_rollout_ = false;
  committed_ = rollout_->generation();
  finish_rollout(ReloadFinished{.end = ReloadEnd::done});
  roster_.deadlines().set(lingering_, now + linger_time);
  replacements_.limits_changed();
  pinned_ = false;
  set_target(target, now);
  replace_left_behind();
}

// Workers of a generation other than the committed one: switched by a failed reload, or in a slot that had unreaped
// kills during a rollout.
void Scheduler::replace_left_behind() {
  for (unsigned number = 0; number < target_; ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.current == nullptr || slot.current->generation == committed_) continue;
    replacements_.request(*slot.current, ExitCause::reloaded);
  }
}

void Scheduler::abort_rollout(ReloadFinished verdict, Instant now) {
  rollout_->unwind(now);
  finish_rollout(std::move(verdict));
  if (std::exchange(empty_after_rollout_, false)) set_target(0, now);
  replace_left_behind();
  for (unsigned number = 0; number < target_; ++number) {
    Slot& slot = roster_.slot(number);
    // Its backoff may have ended while a candidate of the rollout was in the slot.
    replacements_.requeue(slot);
    fill(slot, now);
  }
}

void Scheduler::finish_rollout(ReloadFinished verdict) {
  verdict.generation = rollout_->generation()->number;
  rollout_.reset();
  roster_.actions().emplace_back(std::move(verdict));
}

unsigned Scheduler::target_of(const Generation& coming, unsigned present) const {
  return std::max(target_after(*committed_->config, *coming.config, present), 1U);
}

void Scheduler::set_target(unsigned target, Instant now) {
  const unsigned before = std::exchange(target_, target);
  for (unsigned number = target; number < before; ++number) clear_slot(roster_.slot(number), now);
  if (target > before && rollout_) rollout_->revisit_from(before);
  for (unsigned number = before; number < target; ++number) fill(roster_.slot(number), now);
}

void Scheduler::clear_slot(Slot& slot, Instant now) {
  if (slot.candidate != nullptr) {
    if (rollout_) rollout_->drop_slot(slot);
    Worker& candidate = *slot.candidate;
    if (slot.current != nullptr) replacements_.forget(*slot.current);
    roster_.drain(candidate, ExitCause::scaled_down, now);
  }
  if (slot.current != nullptr) roster_.drain(*slot.current, ExitCause::scaled_down, now);
  roster_.deadlines().clear(slot.retry);
  slot.respawn.forget();
  slot.down = false;
}

void Scheduler::fill(Slot& slot, Instant now) {
  const bool wanted = started_ && !stopping_ && slot.number < target_ && slot.current == nullptr;
  if (!wanted || slot.down || slot.retry.armed() || slot.has_unreaped_kills()) return;
  if (slot.candidate == nullptr || roster_.pairs() < surge()) {
    roster_.start(slot, committed_, Place::current, now);
  } else if (!std::exchange(slot.waiting, true)) {
    waiting_slots_.push_back(slot.number);
  }
}

void Scheduler::fill_waiting(Instant now) {
  while (!waiting_slots_.empty()) {
    Slot& slot = roster_.slot(waiting_slots_.front());
    if (slot.candidate != nullptr && slot.current == nullptr && roster_.pairs() >= surge()) return;
    waiting_slots_.pop_front();
    slot.waiting = false;
    fill(slot, now);
  }
}

Scheduler::Loss Scheduler::loss_of(const Worker& worker, bool crashed, Instant now) const {
  Loss loss;
  loss.slot = worker.slot;
  loss.was_candidate = worker.place == Place::candidate;
  loss.of_rollout = rollout_ && rollout_->owns(worker);
  loss.crashed = crashed;
  loss.ready_for = worker.ready_for(now);
  return loss;
}

void Scheduler::kill_as_crashed(Worker& worker, ExitCause cause, int signal, std::optional<Duration> bound,
                                Instant now) {
  const Loss loss = loss_of(worker, true, now);
  ReloadFinished verdict{
      .end = ReloadEnd::worker_failed, .slot = loss.slot, .failure = crash_record(worker, cause, now)};
  worker.crash_counted = true;
  roster_.kill(worker, cause, signal, bound, now);
  handle_loss(loss, std::nullopt, std::move(verdict), now);
}

void Scheduler::leaving_worker_exited(Worker& worker, ExitRecord record, bool remains, Instant now) {
  Slot& slot = roster_.slot(worker.slot);
  const bool was_blocked = slot.has_unreaped_kills();
  if (record.failed && !worker.crash_counted) {
    // The loss was handled when the worker announced that it leaves, so this only lengthens the slot's next wait.
    static_cast<void>(count_crash(slot, worker.ready_for(now), now));
  }
  const bool for_good = !worker.leaving && never_again(worker, record);
  end(worker, remains, now);
  // If another was started meanwhile, that one is the last try.
  if (for_good && slot.number < target_ && slot.current == nullptr && slot.candidate == nullptr) take_down(slot);
  report_exit(std::move(record), slot);
  fill_if_unblocked(slot, was_blocked, now);
}

void Scheduler::end(Worker& worker, bool remains, Instant now) {
  replacements_.forget(worker);
  if (remains) {
    roster_.remain(worker, now);
  } else {
    forget(worker);
  }
}

void Scheduler::forget(Worker& worker) {
  // One worker took all that its keeper gave, maybe after its replacement was ready and the connections were spread.
  const bool spreads = !stopping_ && worker.kept.moved > 0 && committed_->config->rebalance == RebalanceMode::on_resize;
  if (spreads) rebalance_.request_soon();
  rebalance_.gave(worker);
  roster_.remove(worker);
}

void Scheduler::fill_if_unblocked(Slot& slot, bool was_blocked, Instant now) {
  if (!was_blocked || slot.has_unreaped_kills()) return;
  fill(slot, now);
  replacements_.requeue(slot);
}

void Scheduler::handle_loss(const Loss& loss, std::optional<ExitRecord> record, ReloadFinished verdict, Instant now) {
  Slot& slot = roster_.slot(loss.slot);
  if (loss.of_rollout) {
    if (record) {
      record->follow = Follow::reload_ends;
      roster_.actions().emplace_back(ReportExited{std::move(*record)});
    }
    abort_rollout(std::move(verdict), now);
    return;
  }
  if (loss.crashed) back_off(slot, count_crash(slot, loss.ready_for, now), now);
  if (loss.for_good && !loss.was_candidate && slot.candidate == nullptr) take_down(slot);
  if (record) report_exit(std::move(*record), slot);
  promote_or_fill(slot, loss.was_candidate, now);
}

void Scheduler::report_exit(ExitRecord record, const Slot& slot) {
  record.crashes = slot.respawn.crashes();
  record.crashing_since = slot.respawn.crashing_since();
  if (stopping_ || slot.number >= target_) {
    record.follow = Follow::unwanted;
  } else if (slot.serves()) {
    record.follow = Follow::covered;
  } else if (slot.current != nullptr || slot.candidate != nullptr) {
    record.follow = Follow::starting;
  } else if (slot.down) {
    record.follow = Follow::down;
  } else if (slot.retry.armed()) {
    record.follow = Follow::waits;
    record.next_try_at = roster_.deadlines().time_of(slot.retry);
  }
  roster_.actions().emplace_back(ReportExited{std::move(record)});
}

Duration Scheduler::count_crash(Slot& slot, Duration ready_for, Instant now) {
  const Duration wait = slot.respawn.crashed(committed_->config->restart, ready_for, now);
  if (slot.respawn.crashes() > 1) crashed_.insert(slot.number);
  return wait;
}

void Scheduler::back_off(Slot& slot, Duration wait, Instant now) {
  // A replacement that is starting is the slot's next try.
  const bool replaced =
      slot.current == nullptr && slot.candidate != nullptr && !(rollout_ && rollout_->owns(*slot.candidate));
  if (wait == Duration{0} || replaced) return;
  roster_.deadlines().set(slot.retry, now + wait);
  if (!slot.serves()) degraded_ = true;
}

void Scheduler::take_down(Slot& slot) {
  roster_.deadlines().clear(slot.retry);
  slot.down = true;
  degraded_ = true;
}

void Scheduler::promote_or_fill(Slot& slot, bool was_candidate, Instant now) {
  if (was_candidate) {
    replacements_.candidate_lost(slot);
  } else if (slot.candidate != nullptr && !(rollout_ && rollout_->owns(*slot.candidate))) {
    roster_.promote(slot);
  }
  fill(slot, now);
}

}  // namespace preforkd
