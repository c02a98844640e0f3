// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "pools/known_pools.hpp"

namespace preforkd::agent {

// The line for HAProxy's agent-check about a pool, by its state on the bus or the state of its units. preforkd-agent(8)
// has the table. It says "up 0%", not "drain", and never "ready" or "maint": these words set the administrative state,
// which then stays until the agent or an operator says "ready", and would undo what an operator has set.
// `busy`: the share of the last seconds in which its workers were busy, in percent.
[[nodiscard]] std::string agent_answer(const KnownPool& pool, unsigned busy = 0);

// HAProxy changes nothing: the pool's state is not known.
[[nodiscard]] std::string neutral_answer(std::string_view reason);

// There is no such pool: HAProxy's config is wrong.
[[nodiscard]] std::string unknown_answer(std::string_view reason);

}  // namespace preforkd::agent
