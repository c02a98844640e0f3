// SPDX-License-Identifier: MIT
#include <vector>

#include "base/errors.hpp"
#include "ctl/base/arguments.hpp"
#include "ctl/base/command_error.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_recycle(Context& context) {
  const auto& arguments = context.options().arguments;
  std::vector<std::uint32_t> slots;
  for (std::size_t i = 1; i < arguments.size(); ++i) slots.push_back(slot_argument(arguments[i]));
  if (slots.empty() != context.options().all) {
    throw CommandError(exit_code::usage, "recycle: name the slots of the workers, or give --all for every one");
  }
  PoolClient pool = context.pool_to_change();
  if (context.options().all) pool.recycle_all();
  if (slots.size() > 1) {  // all or none
    for (const std::uint32_t slot : slots) static_cast<void>(pool.properties(slot));
  }
  for (const std::uint32_t slot : slots) pool.recycle(slot);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
