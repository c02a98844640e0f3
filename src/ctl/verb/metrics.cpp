// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/base/command_error.hpp"
#include "ctl/bus/pool_survey.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/open_metrics.hpp"

namespace preforkd::ctl {
namespace {

// Of all pools those that answer: what is stopped or leaves must not hide the others from whoever measures.
std::vector<MeasuredPool> all_pools(Context& context) {
  std::vector<MeasuredPool> pools;
  for (const SurveyedPool& each : survey(context.bus(), pool_names(context.bus()))) {
    try {
      if (!each.state) throw CommandError(exit_code::unavailable, "pool \"" + each.name + "\" does not answer");
      pools.push_back({*each.state, context.pool(each.name).workers()});
    } catch (const CommandError& error) {
      context.screen().remark(error.what());
    }
  }
  return pools;
}

}  // namespace

int run_metrics(Context& context) {
  std::vector<MeasuredPool> pools;
  if (context.options().arguments.empty()) {
    pools = all_pools(context);
  } else {
    PoolClient pool = context.pool();
    pools.push_back({pool.state(), pool.workers()});
  }
  context.screen().show(open_metrics(pools));
  return exit_code::ok;
}

}  // namespace preforkd::ctl
