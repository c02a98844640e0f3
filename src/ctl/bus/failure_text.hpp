// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "ctl/base/command_error.hpp"
#include "ctl/bus/bus.hpp"
#include "ctl/bus/bus_target.hpp"

namespace preforkd::ctl {

// Nobody owns the name that was called.
[[nodiscard]] bool is_absent(const BusFailure& failure);

// What a call to a pool came to, for its user: a sentence that says what to do next, and the exit status.
// 69: the pool is not there or went away, or the bus did; 77: not allowed; 1: it refused or failed. `object` is what
// was called, if that is known.
[[nodiscard]] CommandError explain(const BusFailure& failure, const std::string& pool, const BusTarget& target,
                                   std::string_view object = {});

}  // namespace preforkd::ctl
