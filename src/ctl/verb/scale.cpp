// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/base/arguments.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_scale(Context& context) {
  const std::uint32_t workers = workers_argument(context.options().arguments[1]);
  context.pool_to_change().scale(workers);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
