// SPDX-License-Identifier: MIT
#include <vector>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"

namespace preforkd::ctl {

int run_recycle(Context& context) {
  const auto& arguments = context.options().arguments;
  std::vector<std::uint32_t> slots;
  for (std::size_t i = 1; i < arguments.size(); ++i) slots.push_back(slot_argument(arguments[i]));
  if (slots.empty() != context.options().all) {
    throw ExitError(exit_code::usage, "recycle: give the slots of the workers, or --all");
  }
  PoolClient pool = context.pool_to_change();
  if (context.options().all) pool.recycle_all();
  if (slots.size() > 1) {  // all or none
    for (const std::uint32_t slot : slots) static_cast<void>(pool.properties(slot));
  }
  const bool empty = slots.size() == 1 && pool.properties(slots.front()).value("PID", 1U) == 0;
  for (const std::uint32_t slot : slots) pool.recycle(slot);
  const std::string one = slots.size() == 1 ? std::to_string(slots.front()) : "";
  const std::string what = one.empty() ? "each worker leaves when its successor is ready"
                           : empty     ? "slot " + one + " is empty: a worker is started in it now"
                                       : "worker " + one + " leaves when its successor is ready";
  context.screen().remark(what + "; \"preforkctl watch " + pool.name() + "\" shows it");
  return exit_code::ok;
}

}  // namespace preforkd::ctl
