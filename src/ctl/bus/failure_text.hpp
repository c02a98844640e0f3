// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ctl/bus/bus.hpp"
#include "ctl/bus/bus_target.hpp"

#include "base/errors.hpp"

namespace preforkd::ctl {

// The exit statuses of systemctl for a unit that does not run, or that there is none of.
inline constexpr int exit_not_running = 3;
inline constexpr int exit_no_such_pool = 4;

// The pool has no process on the bus. What else is known of it says KnownPools.
class AbsentPool : public ExitError {
 public:
  using ExitError::ExitError;
};

// 69: the bus itself does not answer.
[[nodiscard]] ExitError silent_bus(const BusTarget& target);

// What a call to a pool came to, for its user: a sentence that says what to do next, and the exit status.
// 3: the pool is not there; 69: it went away or does not answer, or the bus does; 77: not allowed; 1: it refused or
// failed. `pid` is its master, 0 if the bus itself was asked about the pool; `object` is what was called, if that is
// known.
[[nodiscard]] ExitError explain(const BusFailure& failure, const std::string& pool, const BusTarget& target,
                                std::uint32_t pid, std::string_view object = {});

}  // namespace preforkd::ctl
