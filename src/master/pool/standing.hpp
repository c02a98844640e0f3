// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <set>

#include "master/pool/pool_view.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// How far the workers of a pool, which has `target` slots, have come, by its roster.

// A worker is ready, and every slot without one fails: it is down, waits for its next try, or had to wait.
[[nodiscard]] bool all_ready_or_failing(const Roster& roster, unsigned target);
// Of a pool that is started and has no reload. A slot's crashes count until a worker of it has been ready for
// `forget_after`. `crashed` has each slot that has crashed more than once, and maybe others: without any, this does not
// look at every slot.
[[nodiscard]] Standing standing_of(const Roster& roster, unsigned target, const std::set<unsigned>& crashed,
                                   Duration forget_after, Instant now);
// By when all pending starts, soaks and drains have happened or failed; nullopt: nothing is pending. Those of slots
// that fail do not count if `with_failing` is false.
[[nodiscard]] std::optional<Instant> last_response_deadline(const Roster& roster, bool with_failing);

}  // namespace preforkd
