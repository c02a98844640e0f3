// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_kill(Context& context) {
  const std::uint32_t slot = slot_argument(context.options().arguments[1]);
  context.pool_to_change().kill(slot, context.options().signal);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
