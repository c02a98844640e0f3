// SPDX-License-Identifier: MIT
#include "master/reload/reload_plan.hpp"

#include <algorithm>
#include <unordered_map>

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

// What differs, with what its row says it needs.
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
    } else if (old->second->value != row.value) {
      add(row, old->second->value, row.value);
    }
  }
  for (const ConfigRow& row : live) {
    if (!after.contains(row.key)) add(row, row.value, std::nullopt);
  }
  return changes;
}

std::string what_changes(const ConfigChange& change) {
  if (change.shown && !comes_or_goes(change)) {
    return change.before.value_or("unset") + " → " + change.after.value_or("unset");
  }
  if (!change.before) return "added";
  return change.after ? "changed" : "removed";
}

std::string what_is_done(const ConfigChange& change) {
  switch (change.needs) {
    case ChangeNeeds::nothing:
      return change.target ? "the pool keeps " + counted(*change.target, "worker")
                           : "taken over, no worker is replaced";
    case ChangeNeeds::resize:
      return "resize to " + counted(change.target.value_or(0), "worker") + ", no worker is replaced";
    case ChangeNeeds::socket:
      return "changed in place";
    case ChangeNeeds::unit:
      return "not changed: it is systemd's; systemctl daemon-reload, then restart the pool's units";
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
  if (lines.empty()) lines.emplace_back("nothing has changed: every worker is replaced all the same: new generation");
  return lines;
}

ReloadPlan reload_plan(const PoolConfig& live, const PoolConfig& next, const PlannedPool& pool) {
  ReloadPlan plan{differences(config_rows(live), config_rows(next)), true};
  for (ConfigChange& change : plan.changes) {
    if (change.needs == ChangeNeeds::resize) {
      change.target = target_after(live.workers, next.workers, pool.workers);
      if (change.target == pool.workers) change.needs = ChangeNeeds::nothing;
    }
    const bool of_socket = change.needs == ChangeNeeds::socket || comes_or_goes(change);
    if (pool.sockets_passed && of_socket) change.needs = ChangeNeeds::unit;
  }
  const auto count = [&](auto... needs) {
    return std::count_if(plan.changes.begin(), plan.changes.end(),
                         [&](const ConfigChange& change) { return ((change.needs == needs) || ...); });
  };
  plan.new_generation =
      count(ChangeNeeds::generation) > 0 || count(ChangeNeeds::nothing, ChangeNeeds::resize, ChangeNeeds::socket) == 0;
  return plan;
}

std::vector<std::string> reload_obstacles(const PoolConfig& live, const PoolConfig& next, bool sockets_passed) {
  std::vector<std::string> obstacles;
  if (next.name != live.name) {
    obstacles.push_back("the pool's name can't change while it runs, from \"" + live.name + "\" to \"" + next.name +
                        "\"; stop it and start it anew");
  }
  if (!sockets_passed && next.listen.empty()) {
    obstacles.emplace_back("listen: is missing; a pool whose sockets systemd did not pass needs an address");
  }
  return obstacles;
}

}  // namespace preforkd
