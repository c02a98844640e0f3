// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_drain(Context& context) {
  context.pool_to_change().set_drained(true);
  return exit_code::ok;
}

int run_undrain(Context& context) {
  context.pool_to_change().set_drained(false);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
