// SPDX-License-Identifier: MIT
#include "master/pool/replacements.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace preforkd {
namespace {

// A limit of an operator is kept, never exceeded: jitter makes it smaller.
template <class Number>
Number scaled(Number limit, double share) {
  return static_cast<Number>(static_cast<double>(limit) * share);
}

}  // namespace

unsigned surge_limit(const ReloadConfig& config, unsigned target) {
  if (const auto* const fraction = std::get_if<double>(&config.max_surge)) {
    // 10 % of 10 is 1: the product's last bit must not make it 2.
    const double workers = std::ceil(*fraction * static_cast<double>(target) - 1e-9);
    return static_cast<unsigned>(std::clamp(workers, 1.0, std::max(1.0, static_cast<double>(target))));
  }
  const unsigned workers = std::get<unsigned>(config.max_surge);
  return config.max_unavailable == 0 ? std::max(workers, 1U) : workers;
}

void Replacements::ask(Worker& worker, ExitCause why) {
  if (worker.wish) return;
  worker.wish = why;
  worker.queued = true;
  queue_of(worker).push_back(worker.id);
}

void Replacements::again(Slot& slot) {
  Worker* const worker = slot.current;
  if (worker == nullptr || !worker->wish || worker->queued || slot.candidate != nullptr) return;
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
  if (slot.current != nullptr) roster_.drain(*slot.current, slot.current->wish.value_or(ExitCause::reloaded), now);
  roster_.promote(slot);
  watch_age(candidate);
}

void Replacements::candidate_lost(Slot& slot) {
  if (slot.current == nullptr) return;
  gone(*slot.current);
  if (!slot.retry.armed()) again(slot);
}

void Replacements::call_off(Instant now) {
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.candidate == nullptr) continue;
    roster_.drain(*slot.candidate, ExitCause::reloaded, now);
    candidate_lost(slot);
  }
}

void Replacements::gone(Worker& worker) {
  if (!std::exchange(worker.in_budget, false)) return;
  --in_budget_;
}

void Replacements::watch_age(Worker& worker) {
  roster_.deadlines().clear(worker.term);
  const auto age = worker.config().recycle.age;
  if (!age || !worker.ready_at) return;
  roster_.deadlines().set(worker.term, *worker.ready_at + Duration{scaled(age->count(), share_of_limit(worker))});
}

void Replacements::measured(Worker& worker, std::uint64_t requests, std::optional<std::uint64_t> memory) {
  if (worker.place != Place::current || !worker.ready() || worker.wish) return;
  const RecycleConfig& limits = worker.config().recycle;
  const double share = share_of_limit(worker);
  const bool too_many = limits.requests != 0 && requests >= scaled(limits.requests, share);
  const bool too_big = limits.memory && memory && *memory >= scaled(*limits.memory, share);
  if (too_many || too_big) ask(worker, ExitCause::recycled);
}

std::deque<WorkerId>& Replacements::queue_of(const Worker& worker) {
  return worker.wish == ExitCause::reloaded ? left_behind_ : recycling_;
}

// Takes the head off the queue; null if it is dead, on its way out, or its slot can not take a candidate now, in which
// case again() brings it back.
Worker* Replacements::next(std::deque<WorkerId>& queue) {
  Worker* const worker = roster_.find(queue.front());
  queue.pop_front();
  if (worker == nullptr) return nullptr;
  worker->queued = false;
  if (worker->place != Place::current) return nullptr;
  Slot& slot = roster_.slot(worker->slot);
  const bool taken = slot.candidate != nullptr || slot.retry.armed() || slot.crowded();
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
