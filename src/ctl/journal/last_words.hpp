// SPDX-License-Identifier: MIT
#pragma once

#include <string>

#include "ctl/bus/pool_client.hpp"
#include "ctl/bus/pool_state.hpp"

namespace preforkd::ctl {

// What the journal has of the last that a worker wrote before this end, in lines with their ends and a head; on the
// system bus with a hint where the sandbox may be the cause. Empty if there is nothing, and for a pool of another
// machine.
[[nodiscard]] std::string last_words(PoolClient& pool, const ExitRecord& exit);

}  // namespace preforkd::ctl
