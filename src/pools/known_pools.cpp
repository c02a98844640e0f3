// SPDX-License-Identifier: MIT
#include "pools/known_pools.hpp"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>
#include <variant>

#include "base/errors.hpp"
#include "base/unit_names.hpp"
#include "dbus/words.hpp"
#include "pools/bus/failure_text.hpp"
#include "pools/bus/pool_names.hpp"

namespace preforkd {
namespace {

bool is_started(const UnitStates& units) {
  return units.service.active != "inactive" || units.socket.active != "inactive";
}

// How to start a pool that is not running; known only for the local system bus. A pool that failed has another problem
// first.
std::string start_hint(const std::string& pool, const std::string& state, const BusTarget& target) {
  if (!target.is_local_system()) return "; \"preforkctl " + options_for(target) + "list\" shows the pools there";
  if (state != standing::stopped && state != standing::waiting && state != standing::not_running) return "";
  return "; start it with \"systemctl start " + service_unit(pool) + "\", or look elsewhere with --user or --address";
}

}  // namespace

KnownPools::KnownPools(Bus& bus, const PoolConfigs& configs)
    : bus_(bus), configs_(configs), on_bus_(pool_names(bus)), units_(unit_states(bus)) {}

std::vector<std::string> KnownPools::names() const {
  std::set<std::string> all(on_bus_.begin(), on_bus_.end());
  for (const auto& [name, config] : configs_.all()) all.insert(name);
  if (units_) {
    for (const auto& [name, units] : *units_) {
      if (is_started(units)) all.insert(name);
    }
  }
  return {all.begin(), all.end()};
}

std::vector<KnownPool> KnownPools::survey(Detail detail) {
  std::vector<KnownPool> pools;
  std::list<PoolClient> clients;
  std::size_t missing = 0;
  for (const std::string& name : names()) pools.push_back({name, std::nullopt, {}, {}, configs_.of(name)});
  const auto ask = [&](KnownPool& pool, const PoolClient& client, const MethodCall& call, auto take) {
    ++missing;
    bus_.call_async(call, [&pool, &client, &missing, take](const Reply& reply) {
      --missing;
      if (const auto* const failure = std::get_if<BusFailure>(&reply)) {
        pool.standing = {standing::no_answer, client.explained(*failure).what()};
      } else {
        take(pool, std::get<Json>(reply).at(0));
      }
    });
  };
  const auto until = std::chrono::steady_clock::now() + bus_.timeout();
  try {
    for (KnownPool& pool : pools) {
      if (!find_client(pool, clients, until)) continue;
      const PoolClient& client = clients.back();
      ask(pool, client, client.get_all_call(),
          [](KnownPool& each, const Json& answer) { each.answer = pool_snapshot(answer); });
      if (detail == Detail::pools) continue;
      ask(pool, client, client.objects_call(),
          [](KnownPool& each, const Json& answer) { each.workers = worker_snapshots(answer); });
    }
    bus_.wait_for([&] { return missing == 0; });
  } catch (const BusFailure& failure) {
    throw ExitError(exit_code::unavailable, "lost " + describe(bus_.target()) + ": " + failure.what());
  }
  for (KnownPool& pool : pools) {
    if (!pool.standing.state.empty()) pool.answer.reset();  // half an answer
  }
  return pools;
}

bool KnownPools::find_client(KnownPool& pool, std::list<PoolClient>& clients,
                             std::chrono::steady_clock::time_point until) {
  if (std::chrono::steady_clock::now() >= until) {
    pool.standing = {standing::no_answer, "was not asked: " + describe(bus_.target()) + " or systemd is too slow"};
    return false;
  }
  try {
    auto client = connect(pool);
    if (client) clients.push_back(std::move(*client));
    return client.has_value();
  } catch (const ExitError& error) {
    pool.standing = {standing::no_answer, error.what()};
    return false;
  }
}

std::optional<PoolClient> KnownPools::connect(KnownPool& pool, bool interactive) {
  for (bool waited = false;; waited = true) {
    try {
      PoolClient client(bus_, pool.name, interactive);
      pool.standing = {};
      return client;
    } catch (const AbsentPool&) {
      pool = without_answer(pool.name);
    }
    if (waited || !comes(pool)) return std::nullopt;
  }
}

PoolClient KnownPools::client(const std::string& name, bool interactive) {
  KnownPool pool = without_answer(name);
  if (auto found = connect(pool, interactive)) return std::move(*found);
  throw why_absent(name);
}

bool KnownPools::comes(const KnownPool& pool) {
  if (pool.standing.state != standing::no_bus && pool.standing.state != dbus::state::starting) return false;
  do {
    const std::vector<std::string> names = pool_names(bus_);
    if (std::find(names.begin(), names.end(), pool.name) != names.end()) return true;
  } while (looks_.wait());
  return false;
}

UnitStates KnownPools::units_of(const std::string& name) const {
  return units_ && units_->contains(name) ? units_->at(name) : UnitStates();
}

KnownPool KnownPools::without_answer(const std::string& name) {
  KnownPool pool{name, std::nullopt, {}, {standing::not_running, ""}, configs_.of(name)};
  try {
    if (units_) pool.standing = standing_of(bus_, name, units_of(name));
  } catch (const BusFailure&) {
    // The unit was removed.
  }
  return pool;
}

void KnownPools::check_exists(const std::string& name) const {
  if (!configs_.complete() || !configs_.of(name).file.empty() || is_started(units_of(name))) return;
  throw ExitError(exit_no_such_pool,
                  "no such pool: there is no " + configs_.place_of(name) + "; \"preforkctl list\" shows all pools");
}

ExitError KnownPools::why_absent(const std::string& name) {
  try {
    check_exists(name);
  } catch (const ExitError& error) {
    return error;
  }
  const KnownPool pool = without_answer(name);
  std::string text = "pool \"" + name + "\" is not running on " + describe(bus_.target());
  if (pool.state() != standing::not_running) text += ": " + text_of(pool.standing);
  if (!pool.config.problem.empty()) text += "; its config is wrong: " + pool.config.problem;
  return {exit_not_running, text + start_hint(name, pool.state(), bus_.target())};
}

}  // namespace preforkd
