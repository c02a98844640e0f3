// SPDX-License-Identifier: MIT
#include "master/reload/reloader.hpp"

#include <algorithm>

#include "base/counted.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"

namespace preforkd {
namespace {

constexpr std::size_t most_logged_changes = 20;

void log_plan(const std::string& pool, const ReloadPlan& plan) {
  log::info("reloading pool \"" + pool + "\"", {message_id::field(message_id::reload_begun)});
  const std::vector<std::string> lines = to_lines(plan);
  for (std::size_t i = 0; i < lines.size() && i < most_logged_changes; ++i) log::info("  " + lines[i]);
  if (lines.size() > most_logged_changes) {
    log::info("  … and " + std::to_string(lines.size() - most_logged_changes) + " changes more");
  }
}

log::Fields fields_of(const ReloadResult& result) {
  log::Fields fields{message_id::field(result.ok() ? message_id::reload_done : message_id::reload_failed),
                     {"PREFORK_GENERATION", std::to_string(result.generation)},
                     {"PREFORK_RELOAD_RESULT", std::string(to_string(result.end))}};
  if (result.slot) fields.push_back({"PREFORK_WORKER", std::to_string(*result.slot)});
  return fields;
}

// Each reason of a config is a line of its own, as when the master starts.
void log_result(const std::string& pool, const ReloadResult& result) {
  switch (result.end) {
    case ReloadResult::End::done:
      log::info("reload done: " + describe(result), fields_of(result));
      return;
    case ReloadResult::End::config:
      for (const std::string& reason : result.reasons) log::error(reason);
      log::error("reload failed: pool \"" + pool + "\" stays as it is", fields_of(result));
      return;
    case ReloadResult::End::superseded:
    case ReloadResult::End::stopping:
      log::warning("reload ended: " + describe(result), fields_of(result));
      return;
    default:
      log::error("reload failed: " + describe(result), fields_of(result));
  }
}

}  // namespace

Reloader::Reloader(ConfigSource source, std::shared_ptr<const PoolConfig> config, ListenSockets& sockets, Pool& pool,
                   Surroundings surroundings)
    : source_(std::move(source)),
      config_(std::move(config)),
      sockets_(sockets),
      pool_(pool),
      surroundings_(std::move(surroundings)) {}

void Reloader::reload(ReloadCallback done) {
  auto next = read();
  if (!next) {
    ended_.emplace_back(std::move(next.error()), std::move(done));
    return;
  }
  if (const Result<void> staged = sockets_.stage(*next); !staged) {
    ended_.emplace_back(refused(ReloadResult::End::sockets, {staged.error()}), std::move(done));
    return;
  }
  const ReloadPlan plan = reload_plan(*config_, *next, planned_pool());
  log_plan(config_->name, plan);
  for (const std::string& difference : sockets_.differences(*next)) log::warning(difference);
  auto config = std::make_shared<const PoolConfig>(std::move(*next));
  running_.push_back({config, std::move(done)});
  if (plan.new_generation) {
    const unsigned most = std::max(config->reload.max_draining, 1U);
    pool_.reload(std::move(config));
    if (pool_.reload_waits()) {
      log::info("  waits: " + counted(most, "older generation") + " may drain at a time (reload.max_draining)");
    }
  } else {
    pool_.adopt(std::move(config));
  }
}

tl::expected<ReloadPlan, ReloadResult> Reloader::plan() const {
  const auto next = read();
  if (!next) return tl::unexpected(next.error());
  return reload_plan(*config_, *next, planned_pool());
}

PlannedPool Reloader::planned_pool() const { return {pool_.target(), sockets_.passed()}; }

tl::expected<PoolConfig, ReloadResult> Reloader::read() const {
  if (pool_.state() == PoolState::stopping) {
    return tl::unexpected(refused(ReloadResult::End::stopping, {"the pool stops"}));
  }
  auto config = load_config(source_);
  if (!config) return tl::unexpected(refused(ReloadResult::End::config, std::move(config.error().lines)));
  std::vector<std::string> obstacles = reload_obstacles(*config_, *config, sockets_.passed());
  if (!obstacles.empty()) return tl::unexpected(refused(ReloadResult::End::config, std::move(obstacles)));
  return with_room_by_hand(std::move(*config));
}

ReloadResult Reloader::refused(ReloadResult::End end, std::vector<std::string> reasons) const {
  ReloadResult result;
  result.end = end;
  result.generation = pool_.generation();
  result.reasons = std::move(reasons);
  return result;
}

void Reloader::on_reload_finished(const ReloadFinished& finished) {
  Running reload = std::move(running_.front());
  running_.pop_front();
  ReloadResult result = result_of(finished, pool_.generation());
  if (result.ok()) {
    commit(std::move(reload.config));
  } else if (finished.end != ReloadEnd::superseded) {
    sockets_.abandon();  // A superseding reload has sorted them out already, and needs its own.
  }
  if (result.end == ReloadResult::End::not_started) {
    result.reasons = {"slot " + std::to_string(finished.slot) +
                      ": cannot start the new worker: " + surroundings_.launch_failure()};
  } else if (result.failure && result.failure->status.kind != ExitStatus::Kind::exec_failed) {
    const int pid = surroundings_.pid_of(result.failure->id);
    result.last_words = where_it_wrote(surroundings_.to_journal, config_->name, result.failure->slot, pid);
  }
  ended_.emplace_back(std::move(result), std::move(reload.done));
}

void Reloader::commit(std::shared_ptr<const PoolConfig> config) {
  config_ = std::move(config);
  const ListenSockets::Changes changes = sockets_.commit(*config_);
  for (const std::string& address : changes.opened) log::info("listening on " + address);
  for (const std::string& address : changes.closed) log::info("no longer listening on " + address);
  for (const std::string& problem : changes.problems) log::warning(problem);
  surroundings_.on_config();
}

Duration Reloader::patience() const {
  const auto of = [](const PoolConfig& config) {
    return config.drain_timeout + config.start_timeout + config.reload.soak;
  };
  Duration longest = of(*config_);
  for (const Running& reload : running_) longest = std::max(longest, of(*reload.config));
  return longest;
}

void Reloader::settle() {
  while (!ended_.empty()) {
    const auto [result, done] = std::move(ended_.front());
    ended_.pop_front();
    log_result(config_->name, result);
    if (surroundings_.on_result) surroundings_.on_result(result);
    if (done) done(result);
  }
}

}  // namespace preforkd
