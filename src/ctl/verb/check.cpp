// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "base/unit_names.hpp"
#include "ctl/base/program.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_check(Context& context) {
  if (!context.options().bus.is_this_machine()) {
    throw ExitError(exit_code::usage, "check: only for files of this machine, not with -H or -M");
  }
  const std::string& what = context.options().arguments[0];
  const bool file = what.find_first_of("./") != std::string::npos && !pool_of_unit(what);
  if (file) become(own_neighbour("preforkd"), {"--check", "--config", what});
  become(own_neighbour("preforkd"), {"--check", "--name", pool_argument(what)});
}

}  // namespace preforkd::ctl
