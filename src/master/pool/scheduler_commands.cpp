// SPDX-License-Identifier: MIT
// Scheduler: reload, resize, recycle, kill, stop.
#include <algorithm>
#include <csignal>
#include <utility>

#include "master/pool/scheduler.hpp"
#include "master/pool/worker_target.hpp"

namespace preforkd {

void Scheduler::reload(std::shared_ptr<const PoolConfig> config, Instant now) {
  roster_.deadlines().look(now);
  auto generation = std::make_shared<Generation>(Generation{next_generation_++, std::move(config)});
  if (stopping_ || !started_) {
    const ReloadEnd end = stopping_ ? ReloadEnd::stopped : ReloadEnd::committed;
    if (!stopping_) {
      target_ = generation->config->workers.initial;
      committed_ = generation;
    }
    roster_.actions().emplace_back(ReloadFinished{.end = end, .generation = generation->number});
  } else {
    if (rollout_) abort_rollout(ReloadFinished{.end = ReloadEnd::superseded}, now);
    const unsigned target = target_after(committed_->config->workers, generation->config->workers, target_);
    rollout_.emplace(roster_, replacements_, committed_->number, std::move(generation), target);
  }
  settle(now);
}

void Scheduler::adopt(std::shared_ptr<const PoolConfig> config, Instant now) {
  roster_.deadlines().look(now);
  if (!stopping_) {
    if (rollout_) abort_rollout(ReloadFinished{.end = ReloadEnd::superseded}, now);
    const unsigned target = target_after(committed_->config->workers, config->workers, target_);
    committed_->config = std::move(config);
    for (const Slot& slot : roster_.slots()) {
      if (slot.current != nullptr && slot.current->ready()) replacements_.watch_age(*slot.current);
    }
    set_target(target, now);
  }
  const ReloadEnd end = stopping_ ? ReloadEnd::stopped : ReloadEnd::committed;
  roster_.actions().emplace_back(ReloadFinished{.end = end, .generation = committed_->number});
  settle(now);
}

bool Scheduler::resize(unsigned workers, Instant now) {
  roster_.deadlines().look(now);
  const WorkerCount& limits = committed_->config->workers;
  const bool allowed = !stopping_ && workers >= limits.min && workers <= limits.max;
  if (allowed) {
    if (rollout_) {
      const WorkerCount& coming = rollout_->generation()->config->workers;
      rollout_->set_target(std::clamp(workers, coming.min, std::max(coming.min, coming.max)));
    }
    set_target(workers, now);
  }
  settle(now);
  return allowed;
}

bool Scheduler::recycle(unsigned slot, Instant now) {
  roster_.deadlines().look(now);
  const bool allowed = !stopping_ && slot < target_ && roster_.has_slot(slot);
  if (allowed) {
    Slot& chosen = roster_.slot(slot);
    roster_.deadlines().clear(chosen.retry);
    chosen.respawn.forget();
    chosen.down = false;
    if (chosen.current != nullptr) {
      replacements_.ask(*chosen.current, ExitCause::operator_request);
      replacements_.again(chosen);
    }
    fill(chosen, now);
  }
  settle(now);
  return allowed;
}

bool Scheduler::kill(unsigned slot, int signal, Instant now) {
  roster_.deadlines().look(now);
  Worker* worker = nullptr;
  if (roster_.has_slot(slot)) {
    const Slot& chosen = roster_.slot(slot);
    worker = chosen.current != nullptr ? chosen.current : chosen.candidate;
  }
  if (worker != nullptr) {
    worker->operator_signal = signal;
    roster_.actions().emplace_back(SendSignal{worker->id, signal});
  }
  settle(now);
  return worker != nullptr;
}

void Scheduler::stop(Instant now) {
  roster_.deadlines().look(now);
  begin_stop();
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    const Slot& slot = roster_.slot(number);
    for (Worker* const worker : {slot.candidate, slot.current}) {
      if (worker != nullptr) roster_.drain(*worker, ExitCause::operator_request, now);
    }
  }
  settle(now);
}

void Scheduler::stop_now(Instant now) {
  roster_.deadlines().look(now);
  begin_stop();
  for (auto& [id, worker] : roster_.workers()) {
    if (!worker.finished_off) roster_.kill(worker, ExitCause::operator_request, SIGKILL, std::nullopt, now);
  }
  settle(now);
}

void Scheduler::begin_stop() {
  stopping_ = true;
  if (rollout_) finish_rollout(ReloadFinished{.end = ReloadEnd::stopped});
  for (unsigned number = 0; roster_.has_slot(number); ++number) roster_.deadlines().clear(roster_.slot(number).retry);
  for (const unsigned number : waiting_slots_) roster_.slot(number).waiting = false;
  waiting_slots_.clear();
}

void Scheduler::advance_rollout(Instant now) {
  if (rollout_ && rollout_->advance(target_, now)) commit(now);
}

void Scheduler::commit(Instant now) {
  const unsigned target = rollout_->target();
  committed_ = rollout_->generation();
  finish_rollout(ReloadFinished{.end = ReloadEnd::committed});
  set_target(target, now);
}

void Scheduler::abort_rollout(ReloadFinished verdict, Instant now) {
  rollout_->unwind(now);
  finish_rollout(std::move(verdict));
  for (unsigned number = 0; number < target_; ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.current != nullptr && slot.current->generation != committed_) {
      replacements_.ask(*slot.current, ExitCause::reloaded);
    }
    // Its backoff may have ended unseen while a candidate of the rollout was in the slot.
    replacements_.again(slot);
    fill(slot, now);
  }
}

void Scheduler::finish_rollout(ReloadFinished verdict) {
  verdict.generation = rollout_->generation()->number;
  rollout_.reset();
  roster_.actions().emplace_back(std::move(verdict));
}

void Scheduler::set_target(unsigned target, Instant now) {
  const unsigned before = std::exchange(target_, target);
  for (unsigned number = target; number < before; ++number) clear_slot(roster_.slot(number), now);
  if (target > before && rollout_) rollout_->look_again_from(before);
  for (unsigned number = before; number < target; ++number) fill(roster_.slot(number), now);
}

void Scheduler::clear_slot(Slot& slot, Instant now) {
  if (slot.candidate != nullptr) {
    if (rollout_) rollout_->leave_out(slot);
    Worker& candidate = *slot.candidate;
    if (slot.current != nullptr) replacements_.gone(*slot.current);
    roster_.drain(candidate, ExitCause::scaled_down, now);
  }
  if (slot.current != nullptr) roster_.drain(*slot.current, ExitCause::scaled_down, now);
  roster_.deadlines().clear(slot.retry);
  slot.respawn.forget();
  slot.down = false;
}

}  // namespace preforkd
