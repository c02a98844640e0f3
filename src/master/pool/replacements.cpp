// SPDX-License-Identifier: MIT
#include "master/pool/replacements.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace preforkd {
namespace {

// Jitter only makes an operator's limit smaller, so the limit is never exceeded. It stays above what an idle worker
// reaches.
template <class Number>
Number scaled(Number limit, double share, Number min) {
  return std::max(static_cast<Number>(static_cast<double>(limit) * share), min);
}

constexpr std::int64_t min_age = Duration(std::chrono::seconds(1)).count();

const RestartConfig recycle_waits{
    .delay = std::chrono::seconds(10), .max_delay = std::chrono::hours(1), .forget_after = Replacements::fresh};

}  // namespace

unsigned surge_limit(const ReloadConfig& config, unsigned target) {
  if (const auto* const fraction = std::get_if<double>(&config.max_surge)) {
    // 10 % of 10 is 1: rounding errors must not make it 2.
    const double workers = std::ceil(*fraction * static_cast<double>(target) - 1e-9);
    return static_cast<unsigned>(std::clamp(workers, 1.0, std::max(1.0, static_cast<double>(target))));
  }
  const unsigned workers = std::get<unsigned>(config.max_surge);
  return config.max_unavailable == 0 ? std::max(workers, 1U) : workers;
}

void Replacements::request(Worker& worker, ExitCause why) {
  if (worker.replace_reason) return;
  worker.replace_reason = why;
  worker.queued = true;
  queue_of(worker).push_back(worker.id);
}

void Replacements::requeue(Slot& slot) {
  Worker* const worker = slot.current;
  if (worker == nullptr || !worker->replace_reason || worker->queued || slot.candidate != nullptr) return;
  worker->queued = true;
  queue_of(*worker).push_front(worker->id);
}

void Replacements::advance(const std::shared_ptr<const Generation>& generation, unsigned surge, Instant now) {
  while (roster_.pairs() < surge && !left_behind_.empty()) {
    if (Worker* const worker = next(left_behind_)) begin(*worker, generation, now);
  }
  const unsigned at_most = std::max(generation->config->recycle.at_most, 1U);
  while (roster_.pairs() < surge && in_budget_ < at_most && !recycling_.empty()) {
    Worker* const worker = next(recycling_);
    if (worker == nullptr) continue;
    worker->in_budget = true;
    ++in_budget_;
    begin(*worker, generation, now);
  }
}

void Replacements::candidate_ready(Worker& candidate, Instant now) {
  Slot& slot = roster_.slot(candidate.slot);
  if (slot.current != nullptr)
    roster_.drain(*slot.current, slot.current->replace_reason.value_or(ExitCause::reloaded), now);
  roster_.promote(slot);
  watch_age(candidate);
}

void Replacements::candidate_lost(Slot& slot) {
  if (slot.current == nullptr) return;
  forget(*slot.current);
  if (!slot.retry.armed()) requeue(slot);
}

void Replacements::cancel_all(Instant now) {
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.candidate == nullptr) continue;
    roster_.drain(*slot.candidate, ExitCause::reloaded, now);
    candidate_lost(slot);
  }
}

void Replacements::forget(Worker& worker) {
  if (!std::exchange(worker.in_budget, false)) return;
  --in_budget_;
}

void Replacements::adopt(Worker& worker) {
  in_budget_ += worker.in_budget ? 1U : 0U;
  if (!worker.replace_reason || worker.place != Place::current) return;
  if (roster_.slot(worker.slot).candidate != nullptr) return;
  worker.queued = true;
  queue_of(worker).push_back(worker.id);
}

void Replacements::watch_age(Worker& worker) {
  roster_.deadlines().clear(worker.lifetime_deadline);
  const auto age = worker.config().recycle.age;
  if (!age || !worker.ready_at) return;
  roster_.deadlines().set(worker.lifetime_deadline,
                          *worker.ready_at + Duration{scaled(age->count(), share_of_limit(worker), min_age)});
}

void Replacements::too_old(Worker& worker, Instant now) {
  if (may_recycle(worker, {.limit = RecycleLimit::age}, now)) {
    request(worker, ExitCause::recycled);
  } else {
    roster_.deadlines().set(worker.lifetime_deadline, *worker.recycle_at);
  }
}

void Replacements::limits_changed() {
  wait_reported_ = false;
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    Slot& slot = roster_.slot(number);
    slot.recycling.forget();
    if (slot.current == nullptr) continue;
    slot.current->recycle_at.reset();
    if (slot.current->ready()) watch_age(*slot.current);
  }
}

void Replacements::measured(Worker& worker, std::uint64_t requests, std::optional<std::uint64_t> memory, Instant now) {
  if (worker.place != Place::current || !worker.ready() || worker.replace_reason) return;
  const RecycleConfig& limits = worker.config().recycle;
  const double share = share_of_limit(worker);
  constexpr std::uint64_t one = 1;
  const bool too_many = limits.requests != 0 && requests >= scaled(limits.requests, share, one);
  const bool too_big = limits.memory && memory && *memory >= scaled(*limits.memory, share, one);
  if (!too_many && !too_big) return;
  const RecycleWait why = too_big ? RecycleWait{.limit = RecycleLimit::memory, .found = *memory, .max = *limits.memory}
                                  : RecycleWait{.found = requests, .max = limits.requests};
  if (may_recycle(worker, why, now)) request(worker, ExitCause::recycled);
}

bool Replacements::may_recycle(Worker& worker, RecycleWait why, Instant now) {
  if (!worker.recycle_at) {
    why.slot = worker.slot;
    why.wait = roster_.slot(worker.slot).recycling.crashed(recycle_waits, worker.ready_for(now), now);
    worker.recycle_at = now + why.wait;
    if (why.wait > Duration{0} && !std::exchange(wait_reported_, true)) roster_.actions().emplace_back(why);
  }
  return now >= *worker.recycle_at;
}

std::deque<WorkerId>& Replacements::queue_of(const Worker& worker) {
  return worker.replace_reason == ExitCause::reloaded ? left_behind_ : recycling_;
}

// Takes the head off the queue. Returns null if it has ended, is leaving, or its slot cannot take a candidate now; in
// that case requeue() brings it back.
Worker* Replacements::next(std::deque<WorkerId>& queue) {
  Worker* const worker = roster_.find(queue.front());
  queue.pop_front();
  if (worker == nullptr) return nullptr;
  worker->queued = false;
  if (worker->place != Place::current) return nullptr;
  Slot& slot = roster_.slot(worker->slot);
  const bool taken = slot.candidate != nullptr || slot.retry.armed() || slot.has_unreaped_kills();
  return taken ? nullptr : worker;
}

void Replacements::begin(Worker& worker, const std::shared_ptr<const Generation>& generation, Instant now) {
  roster_.start(roster_.slot(worker.slot), generation, Place::candidate, now);
}

double Replacements::share_of_limit(const Worker& worker) const {
  const double jitter = std::clamp(worker.config().recycle.jitter, 0.0, 1.0);
  return 1.0 - jitter * jitter_fraction(seed_, worker.slot, 0);
}

}  // namespace preforkd
