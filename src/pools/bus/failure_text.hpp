// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "pools/bus/bus.hpp"
#include "pools/bus/bus_target.hpp"

#include "base/errors.hpp"

namespace preforkd {

// The exit statuses of systemctl for a unit that does not run, and for one that does not exist.
inline constexpr int exit_not_running = 3;
inline constexpr int exit_no_such_pool = 4;

// The pool has no process on the bus. KnownPools knows what else there is to say about it.
class AbsentPool : public ExitError {
 public:
  using ExitError::ExitError;
};

// 69: the bus itself does not answer.
[[nodiscard]] ExitError silent_bus(const BusTarget& target);

// Why a call to a pool failed, for the user: a sentence that says what to do next, and the exit status.
// 3: the pool is not on the bus; 69: it left or does not answer, or the bus does not; 77: not allowed; 1: it refused or
// failed. `pid` is its master, 0 if the bus itself was asked about the pool; `object` is what was called, if known.
[[nodiscard]] ExitError explain(const BusFailure& failure, const std::string& pool, const BusTarget& target,
                                std::uint32_t pid, std::string_view object = {});

}  // namespace preforkd
