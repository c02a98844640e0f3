// SPDX-License-Identifier: MIT
#pragma once

#include "master/pool/roster.hpp"

namespace preforkd {

// Workers that exchange messages are introduced to each other, each two of them once: when the second one is ready. One
// that drains takes part until it ends. The number of sockets grows with the square of that of the workers, so only
// those in the first slots take part.
inline constexpr unsigned max_talking_slots = 256;

// Appends a Meet with each of the others. Nothing if it does not talk, or was not ready yet.
void introduce_to_all(const Worker& worker, Roster& roster);

// Each two of them, in a next master: the one before may have died when a worker had its socket and the other had not.
// Workers that know each other stay with that.
void introduce_all(Roster& roster);

}  // namespace preforkd
