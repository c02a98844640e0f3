// SPDX-License-Identifier: MIT
#include <unistd.h>

#include "base/errors.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/printable.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/metrics_text.hpp"

namespace preforkd::ctl {
namespace {

MeasuredPool measured(Context& context, const std::string& name) {
  try {
    PoolClient pool(context.bus(), name, false);
    return {name, pool.snapshot(), pool.workers()};
  } catch (const AbsentPool&) {
    context.known_pools().check_exists(name);
    return {name, std::nullopt, {}};
  }
}

// A pool that is stopped, or leaves meanwhile, must not hide the others.
std::vector<MeasuredPool> all_pools(Context& context) {
  std::vector<MeasuredPool> pools;
  for (const KnownPool& each : context.known_pools().survey()) {
    MeasuredPool& pool = pools.emplace_back(MeasuredPool{each.name, std::nullopt, {}});
    try {
      if (each.answer) pool = measured(context, each.name);
    } catch (const ExitError& error) {
      context.screen().remark(error.what());
    }
    if (each.state() == standing::no_answer) context.screen().remark(each.standing.remark);
  }
  return pools;
}

}  // namespace

int run_metrics(Context& context) {
  const auto& arguments = context.options().arguments;
  std::vector<MeasuredPool> pools;
  if (arguments.empty()) {
    pools = all_pools(context);
  } else {
    pools.push_back(measured(context, pool_argument(arguments[0])));
  }
  const std::string text = metrics_text(pools, context.options().format);
  context.screen().show(::isatty(STDOUT_FILENO) == 1 ? printable_lines(text) : text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
