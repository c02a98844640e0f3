// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_rebalance(Context& context) {
  context.pool_to_change().rebalance();
  return exit_code::ok;
}

}  // namespace preforkd::ctl
