// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/counted.hpp"
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"

namespace preforkd::ctl {
namespace {

std::vector<Table::Cell> cells(const KnownPool& pool, std::uint64_t now) {
  const std::string state = printable(pool.state());
  const bool wrong = !pool.config.problem.empty();
  const std::string problem = "wrong config: " + pool.config.problem;
  if (!pool.answer) {
    const std::string& remark = pool.standing.remark;
    const std::string all = remark + (wrong ? (remark.empty() ? "" : "; ") + problem : "");
    return {{pool.name}, {state, state_colour(state)}, {}, {}, {}, {}, {}, {printable(all)}};
  }
  const PoolSnapshot& told = *pool.answer;
  return {{pool.name},
          {state, state_colour(state)},
          {std::to_string(told.ready_workers) + '/' + std::to_string(told.target_workers)},
          {std::to_string(told.generation)},
          {told.counters.counts ? std::to_string(told.counters.connections) : ""},
          {told.counters.counts ? std::to_string(told.counters.requests_total) : ""},
          {human_age(told.started_at, now)},
          {printable(wrong ? problem : told.description), wrong ? Colour::red : Colour::plain}};
}

int show_names(Context& context, const std::vector<std::string>& names) {
  if (context.json()) {
    context.screen().show(Json(names));
    return exit_code::ok;
  }
  std::string text;
  for (const std::string& name : names) text += name + '\n';
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace

int run_list(Context& context) {
  if (context.options().quiet) return show_names(context, context.known_pools().names());
  const std::vector<KnownPool> pools = context.known_pools().survey();
  if (context.json()) {
    context.screen().show(to_json(pools));
    return exit_code::ok;
  }
  Table table({{"POOL"},
               {"STATE"},
               {"READY", true},
               {"GEN", true},
               {"CONNECTIONS", true},
               {"REQUESTS", true},
               {"UPTIME", true},
               {"DESCRIPTION"}});
  const std::uint64_t now = wall_clock_now();
  for (const KnownPool& pool : pools) table.add(cells(pool, now));
  const bool legend = context.options().legend;
  std::string text = table.size() > 0 ? table.text(context.screen().style(), legend) : "";
  if (legend) {
    const auto running = static_cast<std::size_t>(
        std::count_if(pools.begin(), pools.end(), [](const KnownPool& pool) { return pool.answer.has_value(); }));
    const std::size_t others = pools.size() - running;
    text += (text.empty() ? "" : "\n") + counted(running, "pool") + " on " + describe(context.options().bus) +
            (others == 0 ? "" : ", " + counted(others, "other")) + ".\n";
  }
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
