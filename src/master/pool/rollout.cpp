// SPDX-License-Identifier: MIT
#include "master/pool/rollout.hpp"

#include <algorithm>

namespace preforkd {

bool Rollout::advance(unsigned target, Instant now) {
  if (!begun_) {
    if (!may_begin()) return false;
    begun_ = true;
    replacements_.cancel_all(now);
  }
  for (;;) {
    if (unsoaked_ > 0) return false;
    switch_batch(now);
    fill_batch(target, now);
    if (!batch_.empty()) continue;
    if (!any_switched_) next_slot_ = 0;  // none of the slots so far could take a candidate
    return any_switched_ && next_slot_ >= slots(target);
  }
}

void Rollout::candidate_ready(Worker& candidate, Instant now) {
  const PoolConfig& config = candidate.config();
  const bool soaks = config.ready == ReadyMode::notify && config.reload.soak > Duration{0};
  if (soaks) {
    roster_.deadlines().set(candidate.lifetime_deadline, now + config.reload.soak);
  } else {
    candidate_soaked(candidate);
  }
}

void Rollout::candidate_soaked(Worker& candidate) {
  candidate.soaked = true;
  --unsoaked_;
}

void Rollout::drop_slot(const Slot& slot) {
  if (slot.candidate == nullptr || !owns(*slot.candidate)) return;
  if (!slot.candidate->soaked) --unsoaked_;
  std::erase(batch_, slot.number);
}

void Rollout::revisit_from(unsigned first) { next_slot_ = std::min(next_slot_, first); }

void Rollout::unwind(Instant now) {
  for (const unsigned number : batch_) {
    Slot& slot = roster_.slot(number);
    if (slot.candidate != nullptr) roster_.settle_without(slot, now);
  }
  batch_.clear();
  unsoaked_ = 0;
}

bool Rollout::owns(const Worker& worker) const { return worker.generation == to_ && worker.place != Place::leaving; }

bool Rollout::may_begin() const {
  const unsigned max = std::max(to_->config->reload.max_draining, 1U);
  return roster_.draining_generations(from_, to_->number) < max;
}

void Rollout::fill_batch(unsigned target, Instant now) {
  for (; next_slot_ < slots(target); ++next_slot_) {
    Slot& slot = roster_.slot(next_slot_);
    if (slot.has_unreaped_kills() || (slot.current != nullptr && owns(*slot.current))) continue;
    if (slot.current != nullptr && roster_.pairs() >= surge(target) && !make_room(slot, target, now)) break;
    add_candidate(slot, now);
  }
  if (!batch_.empty()) return;
  // Without any surge, and with too few ready workers, no slot may make room: only the empty slots can advance.
  for (unsigned number = next_slot_; number < slots(target); ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.current == nullptr && !slot.has_unreaped_kills()) add_candidate(slot, now);
  }
}

void Rollout::add_candidate(Slot& slot, Instant now) {
  roster_.start(slot, to_, Place::candidate, now);
  batch_.push_back(slot.number);
  ++unsoaked_;
}

bool Rollout::make_room(Slot& slot, unsigned target, Instant now) {
  const unsigned max_unavailable = to_->config->reload.max_unavailable;
  if (max_unavailable == 0 || (!any_switched_ && surge(target) > 0)) return false;
  if (slot.current->ready() && roster_.ready_slots() - 1 + max_unavailable < target) return false;
  roster_.drain(*slot.current, ExitCause::reloaded, now);
  return true;
}

void Rollout::switch_batch(Instant now) {
  any_switched_ = any_switched_ || !batch_.empty();
  for (const unsigned number : batch_) {
    Slot& slot = roster_.slot(number);
    if (slot.current != nullptr) roster_.drain(*slot.current, ExitCause::reloaded, now);
    roster_.promote(slot);
    roster_.deadlines().clear(slot.retry);
    slot.respawn.forget();
    slot.down = false;
    replacements_.watch_age(*slot.current);
  }
  batch_.clear();
}

}  // namespace preforkd
