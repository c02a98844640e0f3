// SPDX-License-Identifier: MIT
#pragma once

#include "base/time_span.hpp"
#include "config/config.hpp"

namespace preforkd {

// systemd starts a service that could not start again after RestartSec=, each time, though a wrong config or a program
// that is not there stays so until somebody mends it. RestartSteps=, which lengthens that, came with systemd 254. So
// the master itself lingers before it ends: not at the first failure in a row, of which who started the service is told
// at once, but from the second on, which raises an alert, longer each time. How many there were in a row is the size of
// a file in the service's runtime folder.

// Lingers as long as it is the turn of this failure, or until the pool's config changes, or SIGTERM comes; after either
// of these the next failure is a first one. Returns the exit status. `failure` is logged already; `wrong_config`: it is
// what load_config(source) has said.
[[nodiscard]] int end_failed_start(const ConfigSource& source, const ConfigFailure& failure, bool wrong_config);

// The pool has started: the next failure is a first one.
void forget_failed_starts() noexcept;

// For the failure with this number in a row: none for the first, then from a second on, up to half a minute.
[[nodiscard]] Duration time_to_linger(unsigned number) noexcept;

}  // namespace preforkd
