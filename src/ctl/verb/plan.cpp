// SPDX-License-Identifier: MIT
#include <algorithm>

#include "base/apply_command.hpp"
#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/json_view.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"
#include "dbus/words.hpp"

namespace preforkd::ctl {
namespace {

constexpr const char* daemon_reload = "daemon-reload";  // added by preforkctl: systemd has the units of another config

std::string needs_text(const std::string& needs, const std::string& pool) {
  if (needs == dbus::needs::generation) return "new workers";
  if (needs == dbus::needs::resize) return "more or fewer workers";
  if (needs == dbus::needs::sockets) return "a socket changed in place";
  if (needs == dbus::needs::master) return "no worker is replaced";
  if (needs == daemon_reload) return "systemctl daemon-reload";
  if (needs == dbus::needs::apply) return "systemd: " + apply_command(pool);
  return printable(needs);
}

// The effect of the changes on clients.
std::string conclusion(const std::vector<PlannedChange>& changes) {
  const auto any_needs = [&](const char* what) {
    return std::any_of(changes.begin(), changes.end(), [&](const PlannedChange& each) { return each.needs == what; });
  };
  if (changes.empty()) return "Nothing has changed. A reload would still replace every worker, one by one.";
  if (any_needs(dbus::needs::generation)) return "A reload would replace every worker, one by one.";
  if (any_needs(dbus::needs::resize)) return "A reload would start or drain workers and replace none.";
  if (any_needs(dbus::needs::master) || any_needs(dbus::needs::sockets))
    return "A reload would not replace any worker.";
  return "A reload would not apply this, but would replace every worker, one by one.";
}

}  // namespace

int run_plan(Context& context) {
  PoolClient pool = context.pool_to_change();
  std::vector<PlannedChange> changes = pool.plan();
  // The config of the plan is valid.
  const std::string problem = context.configs().of(pool.name()).problem;
  if (!problem.empty())
    changes.push_back({"(units)", "of the last valid config: " + problem, "of this", daemon_reload});
  if (context.json()) {
    context.screen().show(to_json(changes));
    return exit_code::ok;
  }
  Table table({{"KEY"}, {"NOW"}, {"THEN"}, {"NEEDS"}});
  for (const PlannedChange& change : changes) {
    table.add({{printable(change.key)},
               {printable(change.now)},
               {printable(change.then)},
               {needs_text(change.needs, pool.name())}});
  }
  std::string text = changes.empty() ? "" : table.text(context.screen().style(), context.options().legend);
  if (context.options().legend) text += (text.empty() ? "" : "\n") + conclusion(changes) + '\n';
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
