// SPDX-License-Identifier: MIT
#include "master/pool/scheduler.hpp"

#include <algorithm>
#include <csignal>
#include <utility>

#include "master/pool/exit_verdict.hpp"

namespace preforkd {
namespace {

// What a hung worker gets to write its core after SIGABRT. Its clients wait all the while, so not for long.
constexpr Duration abort_bound = std::chrono::seconds(10);
// A worker may ask for more time again and again, but not for this much at once.
constexpr Duration longest_extension = std::chrono::hours(1);
constexpr Duration longest_hang_timeout = std::chrono::hours(24 * 7);

bool never_again(const PoolConfig& config, const ExitStatus& status) {
  const auto& never = config.restart.never;
  return status.kind == ExitStatus::Kind::exited && std::find(never.begin(), never.end(), status.value) != never.end();
}

}  // namespace

Scheduler::Scheduler(std::shared_ptr<const PoolConfig> config, std::uint64_t seed)
    : roster_(seed),
      replacements_(roster_, seed),
      committed_(std::make_shared<Generation>(Generation{1, std::move(config)})),
      target_(committed_->config->workers.initial) {}

void Scheduler::start(Instant now) {
  roster_.deadlines().look(now);
  if (!started_ && !stopping_) {
    started_ = true;
    for (unsigned number = 0; number < target_; ++number) fill(roster_.slot(number), now);
  }
  settle(now);
}

void Scheduler::worker_ready(WorkerId id, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && worker->state == WorkerState::starting) {
    roster_.ready(*worker, now);
    if (rollout_ && rollout_->owns(*worker)) {
      rollout_->candidate_ready(*worker, now);
    } else if (worker->place == Place::candidate) {
      replacements_.candidate_ready(*worker, now);
    } else {
      replacements_.watch_age(*worker);
    }
  }
  settle(now);
}

void Scheduler::worker_stopping(WorkerId id, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && worker->place != Place::leaving) {
    const Loss loss = loss_of(*worker, worker->ready_for(now) < RespawnPolicy::short_life, now);
    worker->counted = loss.crashed;
    roster_.leaves(*worker, now);
    lost(loss, std::nullopt, ReloadFinished{.end = ReloadEnd::left, .slot = loss.slot}, now);
  }
  settle(now);
}

void Scheduler::worker_alive(WorkerId id, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && worker->ready()) roster_.watch(*worker, now);
  settle(now);
}

void Scheduler::worker_hang_timeout(WorkerId id, Duration timeout, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr) {
    worker->hang_timeout.reset();
    if (timeout > Duration{0}) worker->hang_timeout = std::min(timeout, longest_hang_timeout);
    if (worker->ready()) roster_.watch(*worker, now);
  }
  settle(now);
}

void Scheduler::worker_hangs(WorkerId id, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && worker->place != Place::leaving) {
    condemn_worker(*worker, ExitCause::hang, SIGABRT, std::min(worker->config().drain_timeout, abort_bound), now);
  }
  settle(now);
}

void Scheduler::worker_extends(WorkerId id, Duration by, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && !worker->ready() && !worker->killed) {
    const Instant until = now + std::clamp(by, Duration{0}, longest_extension);
    const auto present = roster_.deadlines().time_of(worker->patience);
    if (present && until > *present) roster_.deadlines().set(worker->patience, until);
  }
  settle(now);
}

void Scheduler::worker_measured(WorkerId id, std::uint64_t requests, std::optional<std::uint64_t> memory, Instant now) {
  roster_.deadlines().look(now);
  Worker* const worker = roster_.find(id);
  if (worker != nullptr && !stopping_) replacements_.measured(*worker, requests, memory);
  settle(now);
}

void Scheduler::worker_exited(WorkerId id, const ExitStatus& status, bool oom, Instant now) {
  roster_.deadlines().look(now);
  if (Worker* const worker = roster_.find(id)) {
    ExitRecord record = judge(*worker, status, oom, now);
    if (worker->place == Place::leaving) {
      leaving_worker_exited(*worker, std::move(record), now);
    } else {
      Loss loss = loss_of(*worker, record.failed, now);
      loss.for_good = record.failed && never_again(worker->config(), status);
      replacements_.gone(*worker);
      roster_.remove(*worker);
      ReloadFinished verdict{.end = ReloadEnd::worker_failed, .slot = loss.slot, .failure = record};
      lost(loss, std::move(record), std::move(verdict), now);
    }
  }
  settle(now);
}

void Scheduler::launch_failed(WorkerId id, int error, Instant now) {
  roster_.deadlines().look(now);
  if (Worker* const worker = roster_.find(id)) {
    const bool leaving = worker->place == Place::leaving;
    const Loss loss = loss_of(*worker, false, now);
    replacements_.gone(*worker);
    roster_.remove(*worker);
    if (loss.of_rollout) {
      abort_rollout(ReloadFinished{.end = ReloadEnd::launch_failed, .slot = loss.slot, .error = error}, now);
    } else if (!leaving) {
      Slot& slot = roster_.slot(loss.slot);
      back_off(slot, slot.respawn.launch_failed(committed_->config->restart), now);
      roster_.actions().emplace_back(
          LaunchFailed{loss.slot, error, roster_.deadlines().time_of(slot.retry).value_or(now)});
      hand_on(slot, loss.was_candidate, now);
    }
  }
  settle(now);
}

void Scheduler::tick(Instant now) {
  roster_.deadlines().look(now);
  settle(now);
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

unsigned Scheduler::surge() const {
  return rollout_ && rollout_->begun() ? rollout_->surge(target_)
                                       : std::max(1U, surge_limit(committed_->config->reload, target_));
}

// Each step ends here: deadlines first, so that what they free can be used at once. What is done then may set a
// deadline that has passed already: the age of a worker that was ready for long before its rollout went on.
void Scheduler::settle(Instant now) {
  do {
    while (const Deadline* const due = roster_.deadlines().take_due(now)) expired(*due, now);
    if (stopping_) break;
    advance_rollout(now);
    fill_waiting(now);
    if (!rollout_ || !rollout_->begun()) replacements_.advance(committed_, surge(), now);
  } while (next_deadline() && *next_deadline() <= now);
  notice_state();
}

void Scheduler::expired(const Deadline& deadline, Instant now) {
  if (deadline.kind == Deadline::Kind::retry) {
    Slot& slot = roster_.slot(static_cast<unsigned>(deadline.key));
    fill(slot, now);
    replacements_.again(slot);
    return;
  }
  Worker& worker = *roster_.find(WorkerId{deadline.key});
  if (deadline.kind == Deadline::Kind::patience) {
    patience_ended(worker, now);
  } else if (rollout_ && rollout_->owns(worker) && worker.place == Place::candidate) {
    rollout_->candidate_soaked(worker);
  } else {
    replacements_.ask(worker, ExitCause::recycled);
  }
}

void Scheduler::patience_ended(Worker& worker, Instant now) {
  switch (worker.state) {
    case WorkerState::starting:
      condemn_worker(worker, ExitCause::start_timeout, SIGKILL, std::nullopt, now);
      return;
    case WorkerState::ready:
      condemn_worker(worker, ExitCause::hang, SIGABRT, std::min(worker.config().drain_timeout, abort_bound), now);
      return;
    case WorkerState::draining:
      roster_.kill(worker, ExitCause::drain_timeout, SIGKILL, std::nullopt, now);
      return;
  }
}

void Scheduler::notice_state() {
  if (started_ && roster_.ready_slots() >= target_) {
    fully_started_ = true;
    if (!rollout_) degraded_ = false;  // new workers may fail before the commit, and leave their slots as they were
  }
  const PoolState now = state();
  if (now == told_state_) return;
  roster_.actions().emplace_back(StateChanged{std::exchange(told_state_, now), now});
}

}  // namespace preforkd
