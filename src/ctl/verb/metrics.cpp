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

KnownPool measured(Context& context, const std::string& name) {
  KnownPool known;
  known.name = name;
  try {
    PoolClient pool(context.bus(), name, false);
    known.answer = pool.snapshot();
    known.workers = pool.workers();
  } catch (const AbsentPool&) {
    context.known_pools().check_exists(name);
  }
  return known;
}

// A pool that is stopped, or leaves meanwhile, must not hide the others.
std::vector<KnownPool> all_pools(Context& context) {
  std::vector<KnownPool> pools = context.known_pools().survey(KnownPools::Detail::workers);
  for (const KnownPool& each : pools) {
    if (each.state() == standing::no_answer) context.screen().remark(each.standing.remark);
  }
  return pools;
}

}  // namespace

int run_metrics(Context& context) {
  const auto& arguments = context.options().arguments;
  std::vector<KnownPool> pools;
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
