// SPDX-License-Identifier: MIT
#pragma once

#include "base/time_span.hpp"
#include "config/config.hpp"

namespace preforkd {

// systemd retries a failed start after RestartSec=, each time, though a wrong config or a missing program stays until
// it is fixed. RestartSteps=, which lengthens the delay, came with systemd 254. So the master itself lingers before it
// exits: not after the first failure in a row, so that the operator sees it at once, but from the second on, which
// raises an alert, longer each time. The number of failures in a row is the size of a file in the service's runtime
// folder.

// Lingers for the time of this failure, or until the pool's config changes or SIGTERM comes; after either of these the
// next failure counts as the first. Returns the exit status. `failure` is logged already; `wrong_config`: it came from
// load_config(source).
[[nodiscard]] int end_failed_start(const ConfigSource& source, const ConfigFailure& failure, bool wrong_config);

// The pool has started: the next failure counts as the first.
void forget_failed_starts() noexcept;

// For the failure with this number in a row: zero for the first, then from one second up to half a minute.
[[nodiscard]] Duration time_to_linger(unsigned number) noexcept;

}  // namespace preforkd
