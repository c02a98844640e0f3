// SPDX-License-Identifier: MIT
#include "master/pool/standing.hpp"

#include <algorithm>

namespace preforkd {
namespace {

// It has to wait before its next try, or had to: a first crash is replaced at once.
bool fails(const Slot& slot) { return slot.down || slot.retry.armed() || slot.respawn.crashes() > 1; }

Standing standing_of(const Slot& slot, Duration forget_after, Instant now) {
  const Worker* const worker = slot.current;
  const bool crashes = slot.respawn.crashes() > 1 && (worker == nullptr || worker->ready_for(now) < forget_after);
  if (crashes || (!slot.serves() && (slot.down || slot.retry.armed()))) return Standing::failing;
  return slot.serves() ? Standing::steady : Standing::changing;
}

}  // namespace

bool all_ready_or_failing(const Roster& roster, unsigned target) {
  if (roster.ready_slots() == 0) return false;
  for (unsigned number = 0; number < target; ++number) {
    const Slot& slot = roster.slots()[number];
    if (!slot.serves() && !fails(slot)) return false;
  }
  return true;
}

Standing standing_of(const Roster& roster, unsigned target, const std::set<unsigned>& crashed, Duration forget_after,
                     Instant now) {
  const auto fails_now = [&](unsigned number) {
    return number < target && standing_of(roster.slots()[number], forget_after, now) == Standing::failing;
  };
  if (roster.ready_slots() >= target) {
    return std::any_of(crashed.begin(), crashed.end(), fails_now) ? Standing::failing : Standing::steady;
  }
  if (crashed.empty() && roster.any_current_starts()) return Standing::changing;
  Standing all = Standing::steady;
  for (unsigned number = 0; number < target; ++number) {
    const Standing one = standing_of(roster.slots()[number], forget_after, now);
    if (one == Standing::changing) return one;
    if (one == Standing::failing) all = one;
  }
  return all;
}

std::optional<Instant> last_response_deadline(const Roster& roster, bool with_failing) {
  std::optional<Instant> last;
  for (const auto& [id, worker] : roster.workers()) {
    if (worker.ready() && worker.place == Place::current) continue;
    if (!with_failing && fails(roster.slots()[worker.slot])) continue;
    const auto soaks_until = roster.deadlines().time_of(worker.lifetime_deadline);
    last = std::max(last, soaks_until ? soaks_until : roster.deadlines().time_of(worker.response_deadline));
  }
  return last;
}

}  // namespace preforkd
