// SPDX-License-Identifier: MIT
#include "master/reload/reloader.hpp"

#include <algorithm>

#include "base/counted.hpp"
#include "base/journal_fields.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"

namespace preforkd {
namespace {

constexpr std::size_t max_logged_changes = 20;

void log_plan(const std::string& pool, const ReloadPlan& plan) {
  log::info("reloading pool \"" + pool + "\"", {message_id::field(message_id::reload_begun)});
  const std::vector<std::string> lines = to_lines(plan);
  for (std::size_t i = 0; i < lines.size() && i < max_logged_changes; ++i) log::info("  " + lines[i]);
  if (lines.size() > max_logged_changes) {
    log::info("  … and " + std::to_string(lines.size() - max_logged_changes) + " more changes");
  }
}

log::Fields fields_of(const ReloadResult& result) {
  log::Fields fields{message_id::field(result.ok() ? message_id::reload_done : message_id::reload_failed),
                     {journal_field::generation, std::to_string(result.generation)},
                     {journal_field::reload_result, std::string(to_string(result.end))}};
  if (result.slot) fields.push_back({journal_field::worker, std::to_string(*result.slot)});
  return fields;
}

// Each reason in a config has a line of its own, as when the master starts.
void log_result(const std::string& pool, const ReloadResult& result) {
  switch (result.end) {
    case ReloadEnd::done:
      log::info("reload done: " + describe(result), fields_of(result));
      return;
    case ReloadEnd::config:
      for (const std::string& reason : result.reasons) log::error(reason);
      log::error("reload failed: pool \"" + pool + "\" is unchanged", fields_of(result));
      return;
    case ReloadEnd::superseded:
    case ReloadEnd::stopping:
      log::warning("reload ended: " + describe(result), fields_of(result));
      return;
    default:
      log::error("reload failed: " + describe(result), fields_of(result));
  }
}

}  // namespace

Reloader::Reloader(ConfigSource source, std::shared_ptr<const PoolConfig> config, ListenSockets& sockets, Pool& pool,
                   Callbacks callbacks)
    : source_(std::move(source)),
      config_(std::move(config)),
      sockets_(sockets),
      pool_(pool),
      callbacks_(std::move(callbacks)) {}

void Reloader::reload(ReloadCallback done) {
  auto next = read();
  if (!next) {
    ended_.emplace_back(std::move(next.error()), std::move(done));
    return;
  }
  if (const Result<void> staged = sockets_.stage(*next); !staged) {
    ended_.emplace_back(refused(ReloadEnd::sockets, {staged.error().text}), std::move(done));
    return;
  }
  const ReloadPlan plan = reload_plan(*config_, *next, planned_pool());
  log_plan(config_->name, plan);
  for (const std::string& difference : sockets_.differences(*next)) log::warning(difference);
  auto config = std::make_shared<const PoolConfig>(std::move(*next));
  running_.push_back({config, std::move(done)});
  if (plan.new_generation) {
    const unsigned max = std::max(config->reload.max_draining, 1U);
    pool_.step(event::Reload{std::move(config)});
    if (pool_.scheduler().reload_waits()) {
      log::info("  waiting: at most " + counted(max, "older generation") +
                " may drain at the same time (reload.max_draining)");
    }
  } else {
    pool_.step(event::Adopt{std::move(config)});
  }
}

tl::expected<ReloadPlan, ReloadResult> Reloader::plan() const {
  const auto next = read();
  if (!next) return tl::unexpected(next.error());
  return reload_plan(*config_, *next, planned_pool());
}

PlannedPool Reloader::planned_pool() const {
  return {pool_.target(), sockets_.systemd_decides(),
          sockets_.systemd_decides() ? std::vector<std::string>{} : sockets_.lost_paths(), sockets_.has_socket_unit()};
}

tl::expected<PoolConfig, ReloadResult> Reloader::read() const {
  if (pool_.state() == PoolState::stopping) {
    return tl::unexpected(refused(ReloadEnd::stopping, {pool_is_stopping}));
  }
  auto config = load_config(source_);
  if (!config) return tl::unexpected(refused(ReloadEnd::config, std::move(config.error().lines)));
  std::vector<std::string> obstacles = reload_obstacles(*config_, *config, sockets_.any_passed());
  if (!obstacles.empty()) return tl::unexpected(refused(ReloadEnd::config, std::move(obstacles)));
  return with_room_by_hand(std::move(*config));
}

ReloadResult Reloader::refused(ReloadEnd end, std::vector<std::string> reasons) const {
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
    abort(*reload.config);  // the superseding reload has handled the sockets already, and needs its own
  }
  if (result.failure && result.failure->status.kind != ExitStatus::Kind::exec_failed) {
    const int pid = callbacks_.pid_of(result.failure->id);
    result.last_words = where_it_wrote(callbacks_.to_journal, config_->name, result.failure->slot, pid);
  }
  ended_.emplace_back(std::move(result), std::move(reload.done));
}

void Reloader::abort(const PoolConfig& failed) {
  if (failed.program.front() != config_->program.front()) {
    for (const std::string& address : sockets_.made_nonblocking()) {
      log::notice(address + ": the present workers have set O_NONBLOCK on the shared socket: if " +
                  failed.program.front() + " blocks in accept(2), restart the pool instead of reloading it");
    }
  }
  for (const std::string& problem : sockets_.abandon()) log::warning(problem);
}

void Reloader::commit(std::shared_ptr<const PoolConfig> config) {
  config_ = std::move(config);
  const ListenSockets::Changes changes = sockets_.commit(*config_);
  for (const std::string& address : changes.opened) log::info("listening on " + address);
  for (const std::string& address : changes.closed) log::info("no longer listening on " + address);
  for (const std::string& problem : changes.problems) log::warning(problem);
  callbacks_.on_config();
}

void Reloader::settle() {
  for (std::size_t i = 0; i < ended_.size();) {
    if (ended_[i].first.ok() && pool_.scheduler().older_generations_accept()) {
      ++i;
      continue;
    }
    auto [result, done] = std::move(ended_[i]);
    if (result.ok() && callbacks_.left_undone) result.left_undone = callbacks_.left_undone();
    ended_.erase(ended_.begin() + static_cast<std::ptrdiff_t>(i));
    log_result(config_->name, result);
    if (callbacks_.on_result) callbacks_.on_result(result);
    if (done) done(result);
  }
}

}  // namespace preforkd
