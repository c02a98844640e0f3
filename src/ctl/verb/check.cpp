// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/base/command_error.hpp"
#include "ctl/base/program.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_check(Context& context) {
  if (context.options().bus.kind == BusTarget::Kind::host || context.options().bus.kind == BusTarget::Kind::machine) {
    throw CommandError(exit_code::usage, "check: only looks at files of this machine, not with -H or -M");
  }
  become(own_neighbour("preforkd"), {"--check", "--config", context.options().arguments[0]});
}

}  // namespace preforkd::ctl
