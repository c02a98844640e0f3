// SPDX-License-Identifier: MIT
// Scheduler: what happens to a slot that loses its worker.
#include <utility>

#include "master/pool/exit_verdict.hpp"
#include "master/pool/scheduler.hpp"

namespace preforkd {

void Scheduler::fill(Slot& slot, Instant now) {
  const bool wanted = started_ && !stopping_ && slot.number < target_ && slot.current == nullptr;
  if (!wanted || slot.down || slot.retry.armed() || slot.crowded()) return;
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

void Scheduler::condemn_worker(Worker& worker, ExitCause cause, int signal, std::optional<Duration> bound,
                               Instant now) {
  const Loss loss = loss_of(worker, true, now);
  ReloadFinished verdict{.end = ReloadEnd::worker_failed, .slot = loss.slot, .failure = condemn(worker, cause, now)};
  worker.counted = true;
  roster_.kill(worker, cause, signal, bound, now);
  lost(loss, std::nullopt, std::move(verdict), now);
}

void Scheduler::leaving_worker_exited(Worker& worker, ExitRecord record, Instant now) {
  Slot& slot = roster_.slot(worker.slot);
  const bool was_crowded = slot.crowded();
  if (record.failed && !worker.counted) {
    // Its place was taken when it announced that it leaves, so this only lengthens the slot's next wait.
    static_cast<void>(slot.respawn.crashed(committed_->config->restart, worker.ready_for(now)));
  }
  replacements_.gone(worker);
  roster_.remove(worker);
  tell_end(std::move(record), slot);
  if (!was_crowded || slot.crowded()) return;
  fill(slot, now);
  replacements_.again(slot);
}

void Scheduler::lost(const Loss& loss, std::optional<ExitRecord> record, ReloadFinished verdict, Instant now) {
  Slot& slot = roster_.slot(loss.slot);
  if (loss.of_rollout) {
    if (record) {
      record->follow = Follow::reload_ends;
      roster_.actions().emplace_back(WorkerEnded{std::move(*record)});
    }
    abort_rollout(std::move(verdict), now);
    return;
  }
  if (loss.crashed) back_off(slot, slot.respawn.crashed(committed_->config->restart, loss.ready_for), now);
  const bool nobody_follows = slot.candidate == nullptr;
  if (loss.for_good && !loss.was_candidate && nobody_follows) {
    roster_.deadlines().clear(slot.retry);
    slot.down = true;
    degraded_ = true;
  }
  if (record) tell_end(std::move(*record), slot);
  hand_on(slot, loss.was_candidate, now);
}

void Scheduler::tell_end(ExitRecord record, const Slot& slot) {
  if (stopping_ || slot.number >= target_) {
    record.follow = Follow::nobody;
  } else if (slot.covered()) {
    record.follow = Follow::covered;
  } else if (slot.current != nullptr || slot.candidate != nullptr) {
    record.follow = Follow::starting;
  } else if (slot.down) {
    record.follow = Follow::down;
  } else if (slot.retry.armed()) {
    record.follow = Follow::waits;
    record.next_try_at = roster_.deadlines().time_of(slot.retry);
  }
  roster_.actions().emplace_back(WorkerEnded{std::move(record)});
}

void Scheduler::back_off(Slot& slot, Duration wait, Instant now) {
  // A replacement that is on its way is the slot's next try already.
  const bool replaced =
      slot.current == nullptr && slot.candidate != nullptr && !(rollout_ && rollout_->owns(*slot.candidate));
  if (wait == Duration{0} || replaced) return;
  roster_.deadlines().set(slot.retry, now + wait);
  if (!slot.covered()) degraded_ = true;
}

void Scheduler::hand_on(Slot& slot, bool was_candidate, Instant now) {
  if (was_candidate) {
    replacements_.candidate_lost(slot);
  } else if (slot.candidate != nullptr && !(rollout_ && rollout_->owns(*slot.candidate))) {
    roster_.promote(slot);
  }
  fill(slot, now);
}

}  // namespace preforkd
