// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_scale(Context& context) {
  const std::string& number = context.options().arguments[1];
  if (number == "auto") {
    context.pool_to_change().scale_by_load();
    return exit_code::ok;
  }
  const std::uint32_t workers = workers_argument(number);
  PoolClient pool = context.pool_to_change();
  try {
    pool.scale(workers);
  } catch (const ExitError& error) {
    if (error.exit_code() != exit_code::failure) throw;
    const PoolSnapshot state = pool.snapshot();
    if (state.min_workers != state.max_workers || workers == state.min_workers) throw;
    const std::string fixed = std::to_string(state.min_workers);
    throw ExitError(
        exit_code::failure,
        "pool \"" + pool.name() + "\": \"workers\" is fixed at " + fixed +
            " in its config; with for instance {\"min\": " + std::to_string(std::min(workers, state.min_workers)) +
            ", \"max\": " + std::to_string(std::max(workers, state.max_workers)) +
            (workers == 0 ? ", \"scale\": {}" : "") + "} there, and a reload, it can be scaled");
  }
  return exit_code::ok;
}

}  // namespace preforkd::ctl
