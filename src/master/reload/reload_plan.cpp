// SPDX-License-Identifier: MIT
#include "master/reload/reload_plan.hpp"

#include <algorithm>
#include <unordered_map>

#include "base/apply_command.hpp"
#include "base/counted.hpp"
#include "master/pool/worker_target.hpp"

namespace preforkd {
namespace {

using RowsByKey = std::unordered_map<std::string, const ConfigRow*>;

RowsByKey by_key(const std::vector<ConfigRow>& rows) {
  RowsByKey index;
  for (const ConfigRow& row : rows) index.emplace(row.key, &row);
  return index;
}

bool comes_or_goes(const ConfigChange& change) { return change.present && (!change.before || !change.after); }

// The differences, each with what its row says it needs.
std::vector<ConfigChange> differences(const std::vector<ConfigRow>& live, const std::vector<ConfigRow>& next) {
  const RowsByKey before = by_key(live);
  const RowsByKey after = by_key(next);
  std::vector<ConfigChange> changes;
  const auto add = [&](const ConfigRow& row, std::optional<std::string> old_value,
                       std::optional<std::string> new_value) {
    if (row.detail && !(old_value && new_value)) return;
    changes.push_back(
        {row.key, std::move(old_value), std::move(new_value), row.needs, row.shown, row.present, std::nullopt});
  };
  for (const ConfigRow& row : next) {
    const auto old = before.find(row.key);
    if (old == before.end()) {
      add(row, std::nullopt, row.value);
    } else if (old->second->identity != row.identity) {
      add(row, old->second->value, row.value);
    }
  }
  for (const ConfigRow& row : live) {
    if (!after.contains(row.key)) add(row, row.value, std::nullopt);
  }
  return changes;
}

// The addresses of `rows` that are also in `others`, in order: a worker may know its sockets by their order alone.
std::string common_addresses(const std::vector<ConfigRow>& rows, const std::vector<ConfigRow>& others) {
  const RowsByKey known = by_key(others);
  std::string list;
  for (const ConfigRow& row : rows) {
    if (!row.present || !known.contains(row.key)) continue;
    list += (list.empty() ? "" : ", ") + row.key.substr(std::string_view("listen ").size());
  }
  return list;
}

std::string what_changes(const ConfigChange& change) {
  const bool looks_the_same = change.before == change.after;  // the difference was cut off
  if (change.shown && !looks_the_same && !comes_or_goes(change)) {
    return change.before.value_or("unset") + " → " + change.after.value_or("unset");
  }
  if (!change.before) return "added";
  return change.after ? "changed" : "removed";
}

std::string what_is_done(const ConfigChange& change) {
  switch (change.needs) {
    case ChangeNeeds::nothing:
      return change.target ? "the pool keeps " + counted(*change.target, "worker") : "applied, no worker is replaced";
    case ChangeNeeds::resize:
      return "resize to " + counted(change.target.value_or(0), "worker") + ", no worker is replaced";
    case ChangeNeeds::socket:
      return "changed in place";
    case ChangeNeeds::unit:
      return "needs " +
             (change.apply.empty() ? "a restart of preforkd and of the program that passes its sockets" : change.apply);
    case ChangeNeeds::generation:
      break;
  }
  if (change.present && !change.before) return "bound first, new generation";
  if (change.present && !change.after) return "closed at the end, new generation";
  return "new generation";
}

}  // namespace

std::string to_string(const ConfigChange& change) {
  return change.key + ": " + what_changes(change) + ": " + what_is_done(change);
}

std::vector<std::string> to_lines(const ReloadPlan& plan) {
  std::vector<std::string> lines;
  for (const ConfigChange& change : plan.changes) lines.push_back(to_string(change));
  if (lines.empty()) lines.emplace_back("nothing has changed: every worker is replaced anyway: new generation");
  return lines;
}

ReloadPlan reload_plan(const PoolConfig& live, const PoolConfig& next, const PlannedPool& pool) {
  const std::vector<ConfigRow> before = config_rows(live);
  const std::vector<ConfigRow> after = config_rows(next);
  ReloadPlan plan{differences(before, after), true};
  const std::string old_order = common_addresses(before, after);
  const std::string new_order = common_addresses(after, before);
  if (old_order != new_order && !pool.systemd_decides) {
    ConfigChange& change = plan.changes.emplace_back();
    change.key = "listen";
    change.before = old_order;
    change.after = new_order;
  }
  for (const ListenConfig& listen : next.listen) {
    const std::string address = format_address(listen.address);
    if (std::find(pool.lost_paths.begin(), pool.lost_paths.end(), address) == pool.lost_paths.end()) continue;
    ConfigChange& change = plan.changes.emplace_back();
    change.key = "listen " + address;
    change.before = "its path is gone";
    change.after = "bound again";
  }
  for (ConfigChange& change : plan.changes) {
    if (change.needs == ChangeNeeds::resize) {
      change.target = target_after(live, next, pool.workers);
      if (change.target == pool.workers) change.needs = ChangeNeeds::nothing;
    }
    const bool of_socket = change.needs == ChangeNeeds::socket || comes_or_goes(change);
    if (pool.systemd_decides && of_socket) change.needs = ChangeNeeds::unit;
    if (change.needs == ChangeNeeds::unit && pool.has_socket_unit) change.apply = apply_command(live.name);
  }
  const bool binds = pool.has_socket_unit && std::any_of(plan.changes.begin(), plan.changes.end(), comes_or_goes);
  const auto count = [&](auto... needs) {
    return std::count_if(plan.changes.begin(), plan.changes.end(),
                         [&](const ConfigChange& change) { return ((change.needs == needs) || ...); });
  };
  plan.new_generation = binds || count(ChangeNeeds::generation) > 0 ||
                        count(ChangeNeeds::nothing, ChangeNeeds::resize, ChangeNeeds::socket) == 0;
  return plan;
}

std::vector<std::string> reload_obstacles(const PoolConfig& live, const PoolConfig& next, bool any_socket_passed) {
  std::vector<std::string> obstacles;
  if (next.name != live.name) {
    obstacles.push_back("the pool's name can't change while it runs, from \"" + live.name + "\" to \"" + next.name +
                        "\"; stop it and start it again");
  }
  if (!any_socket_passed && next.listen.empty()) {
    obstacles.emplace_back("listen: is missing; a pool whose sockets systemd did not pass needs an address");
  }
  return obstacles;
}

}  // namespace preforkd
