// SPDX-License-Identifier: MIT
#include "base/counted.hpp"
#include "base/errors.hpp"
#include "ctl/bus/pool_survey.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"

namespace preforkd::ctl {
namespace {

std::vector<Table::Cell> cells(const SurveyedPool& pool, std::uint64_t now) {
  if (!pool.state) return {{pool.name}, {"no answer", Colour::red}, {}, {}, {}, {}, {}, {}};
  const PoolState& state = *pool.state;
  return {{pool.name},
          {printable(state.state), state_colour(state.state)},
          {std::to_string(state.ready_workers) + '/' + std::to_string(state.target_workers)},
          {std::to_string(state.generation)},
          {std::to_string(state.counters.connections)},
          {std::to_string(state.counters.requests_total)},
          {human_age(state.started_at, now)},
          {printable(state.description)}};
}

Json json_of(const std::vector<SurveyedPool>& pools) {
  Json all = Json::array();
  for (const SurveyedPool& pool : pools) {
    all.push_back(pool.state ? to_json(*pool.state) : Json{{"name", pool.name}, {"state", nullptr}});
  }
  return all;
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
  const std::vector<std::string> names = pool_names(context.bus());
  if (context.options().quiet) return show_names(context, names);
  const std::vector<SurveyedPool> pools = survey(context.bus(), names);
  if (context.json()) {
    context.screen().show(json_of(pools));
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
  for (const SurveyedPool& pool : pools) table.add(cells(pool, now));
  const bool legend = context.options().legend;
  std::string text = table.size() > 0 ? table.text(context.screen().style(), legend) : "";
  if (legend) {
    text +=
        (text.empty() ? "" : "\n") + counted(pools.size(), "pool") + " on " + describe(context.options().bus) + ".\n";
  }
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
