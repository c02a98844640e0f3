// SPDX-License-Identifier: MIT
#include "master/pool/acquaintances.hpp"

#include <vector>

namespace preforkd {
namespace {

// In the order of slots, so that a trace is the same each time.
std::vector<const Worker*> talking(const Roster& roster) {
  std::vector<const Worker*> workers;
  const auto consider = [&](const Worker* worker) {
    if (worker == nullptr || !worker->talks || !worker->ready_at) return;
    if (!worker->remains && !worker->sigkilled) workers.push_back(worker);
  };
  for (const Slot& slot : roster.slots()) {
    if (slot.number >= max_talking_slots) break;
    consider(slot.current);
    consider(slot.candidate);
    for (const Worker* const worker : slot.leaving) consider(worker);
  }
  return workers;
}

void introduce(const Worker& one, const Worker& other, std::vector<Action>& actions) {
  if (one.talks == other.talks) actions.emplace_back(Meet{one.id, other.id});
}

}  // namespace

void introduce_to_all(const Worker& worker, Roster& roster) {
  if (!worker.talks || !worker.ready_at || worker.slot >= max_talking_slots || worker.remains || worker.sigkilled)
    return;
  for (const Worker* const other : talking(roster)) {
    if (other != &worker) introduce(worker, *other, roster.actions());
  }
}

void introduce_all(Roster& roster) {
  const std::vector<const Worker*> workers = talking(roster);
  for (std::size_t one = 0; one < workers.size(); ++one) {
    for (std::size_t other = one + 1; other < workers.size(); ++other)
      introduce(*workers[one], *workers[other], roster.actions());
  }
}

}  // namespace preforkd
