// SPDX-License-Identifier: MIT
#include "master/pool/takers.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace preforkd {
namespace {

bool had_its_chance(const Worker& taker, const Worker& giver) {
  return std::find(giver.tried.begin(), giver.tried.end(), taker.id) != giver.tried.end();
}

}  // namespace

Takers::Takers(const Roster& roster, unsigned target, const Generation& generation, const Generation* replaced,
               const Load& load)
    : roster_(roster), generation_(generation), replaced_(replaced), load_(load) {
  for (const Slot& slot : roster.slots()) {
    if (slot.number < target) consider(slot);
  }
}

void Takers::consider(const Slot& slot) {
  any_empty_ = any_empty_ || (slot.current == nullptr && (slot.retry.armed() || slot.waiting));
  for (const Worker* const worker : {slot.current, slot.candidate}) {
    if (worker == nullptr) continue;
    const bool is_replaced = worker->generation.get() == replaced_ && !worker->replace_reason;
    if (is_replaced && worker->ready() && worker->moves) takers_.push_back({worker, true});
    if (!stays(slot, *worker)) continue;
    if (worker->ready() && worker->moves) takers_.push_back({worker, false});
    if (worker->ready() && !worker->moves) any_without_on_adopt_ = true;
    if (worker->state == WorkerState::starting) starting_.push_back(worker);
  }
}

bool Takers::stays(const Slot& slot, const Worker& worker) const {
  const bool is_replaced = &worker == slot.current && slot.candidate != nullptr && slot.candidate->ready();
  return worker.generation.get() == &generation_ && !worker.replace_reason && !is_replaced;
}

const Worker* Takers::choose(const Worker& giver) {
  Taker* best = nullptr;
  for (Taker& each : takers_) {
    const Worker& worker = *each.worker;
    if (worker.id == giver.id || worker.moves != giver.moves || had_its_chance(worker, giver)) continue;
    if (each.is_replaced && giver.generation == worker.generation && giver.leaving == ExitCause::reloaded) continue;
    if (worker.slot == giver.slot && !each.is_replaced) {
      best = &each;
      break;
    }
    measure();
    const auto rank = [](const Taker& taker) { return std::pair(taker.is_replaced, taker.load); };
    if (best == nullptr || rank(each) < rank(*best)) best = &each;
  }
  if (best == nullptr) return nullptr;
  if (measured_) best->load += connections_of(giver);
  return best->worker;
}

std::vector<const Worker*> Takers::ready() const {
  std::vector<const Worker*> workers;
  for (const Taker& each : takers_) workers.push_back(each.worker);
  return workers;
}

std::optional<NotTaken> Takers::reason_for_none(const Worker& giver) const {
  const auto stays = [](const Taker& each) { return !each.is_replaced; };
  const auto suits = [&](const Taker& each) { return stays(each) && each.worker->moves == giver.moves; };
  const bool any_stays = std::any_of(takers_.begin(), takers_.end(), stays);
  if (!any_stays) return any_without_on_adopt_ ? std::optional(NotTaken::no_on_adopt) : std::nullopt;
  return std::any_of(takers_.begin(), takers_.end(), suits) ? std::nullopt : std::optional(NotTaken::framing);
}

bool Takers::may_come(const Worker& giver) const {
  return any_empty_ || std::any_of(starting_.begin(), starting_.end(), [&](const Worker* worker) {
           return worker->id != giver.id && (!worker->moves || worker->moves == giver.moves);
         });
}

void Takers::measure() {
  if (std::exchange(measured_, true)) return;
  std::unordered_map<WorkerId, std::uint64_t> coming;
  for (const auto& [id, worker] : roster_.workers()) {
    if (worker.taker) coming[*worker.taker] += connections_of(worker);
  }
  for (Taker& each : takers_) {
    const auto found = coming.find(each.worker->id);
    each.load = load_(each.worker->id) + (found == coming.end() ? 0 : found->second);
  }
}

// The counters of a dead worker are gone.
std::uint64_t Takers::connections_of(const Worker& giver) const {
  return giver.remains ? giver.left_over : load_(giver.id);
}

}  // namespace preforkd
