// SPDX-License-Identifier: MIT
// Master: what signals, and callers on the message bus, ask for.
#include <signal.h>

#include <functional>
#include <utility>

#include "base/counted.hpp"
#include "base/time_span.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/master.hpp"
#include "master/report/pool_status.hpp"

namespace preforkd {

void Master::watch_signals() {
  const auto on = [this](int signal, std::function<void()> callback) {
    signals_.push_back(loop_.add_signal(signal, Priority::signal, [this, act = std::move(callback)] {
      happened_ = true;
      act();
    }));
  };
  on(SIGTERM, [this] { stop("SIGTERM"); });
  on(SIGINT, [this] { stop("SIGINT"); });
  on(SIGHUP, [this] { hang_up(); });
  on(SIGTTIN, [this] { resize_by_one(+1); });
  on(SIGTTOU, [this] { resize_by_one(-1); });
  on(SIGUSR1, [this] { show_table(); });
}

void Master::stop(const std::string& why) {
  if (pool_.state() == PoolState::stopping) {
    log::warning(why + " again: killing the workers that are left");
    pool_.stop_now();
    return;
  }
  log::info(why + ": draining all workers, for " + format_time_span(config().drain_timeout) +
                " at most; a second signal kills them",
            {message_id::field(message_id::pool_stopping)});
  pool_.stop();
  notifier_.stopping(status());
}

void Master::hang_up() {
  if (leaves_with_terminal_ && !has_terminal()) {
    stop("the terminal is gone");
    return;
  }
  log::info("SIGHUP: reload");
  begin_reload({});
}

void Master::begin_reload(ReloadCallback done) {
  happened_ = true;
  if (pool_.state() != PoolState::stopping) {
    notifier_.reloading();
    reloading_ = true;
  }
  reloader_.reload(std::move(done));
  extend_reload();
}

void Master::extend_reload() {
  constexpr Duration apart = std::chrono::seconds(1);
  constexpr Duration margin = std::chrono::seconds(30);
  const Instant now = clock_.now();
  if (!reloading_ || !reloader_.busy() || (extended_at_ && now - *extended_at_ < apart)) return;
  extended_at_ = now;
  notifier_.extend_timeout(reloader_.patience() + margin);
}

void Master::resize_by_one(int by) {
  const WorkerCount& bounds = config().workers;
  const unsigned now = pool_.target();
  const unsigned wanted = by < 0 && now == 0 ? 0 : now + static_cast<unsigned>(by);
  const std::string what = by > 0 ? "SIGTTIN: one worker more" : "SIGTTOU: one worker fewer";
  if (pool_.resize(wanted)) {
    log::info(what + ": " + counted(wanted, "worker"));
  } else if (pool_.state() == PoolState::stopping) {
    log::warning(what + ": refused, the pool stops");
  } else if (bounds.min == bounds.max) {
    log::warning(what + ": refused, \"workers\" is " + std::to_string(bounds.max) + " in " + config().file +
                 R"(; write {"min": …, "max": …} to allow more and fewer)");
  } else {
    log::warning(what + ": refused, the pool has from " + std::to_string(bounds.min) + " to " +
                 counted(bounds.max, "worker"));
  }
}

void Master::reload(const std::string& who, ReloadCallback done) {
  log::info("reload, asked for by " + who);
  begin_reload(std::move(done));
}

bool Master::resize(unsigned workers, const std::string& who) {
  happened_ = true;
  const unsigned before = pool_.target();
  if (!pool_.resize(workers)) return false;
  log::info("resize from " + std::to_string(before) + " to " + counted(workers, "worker") + ", asked for by " + who);
  return true;
}

bool Master::recycle(unsigned slot, const std::string& who) {
  happened_ = true;
  if (!pool_.recycle(slot)) return false;
  log::info("recycle worker " + std::to_string(slot) + ", asked for by " + who);
  return true;
}

bool Master::recycle_all(const std::string& who) {
  if (pool_.state() == PoolState::stopping) return false;
  happened_ = true;
  log::info("recycle all workers, asked for by " + who);
  for (unsigned slot = 0; slot < pool_.target(); ++slot) static_cast<void>(pool_.recycle(slot));
  return true;
}

bool Master::kill(unsigned slot, int signal, const std::string& who) {
  happened_ = true;
  if (!pool_.kill(slot, signal)) return false;
  log::info(to_string(ExitStatus{ExitStatus::Kind::signaled, signal, {}}) + " to worker " + std::to_string(slot) +
            ", asked for by " + who);
  return true;
}

void Master::show_table() {
  log::info(pool_name() + ": " + status());
  const auto crashes = [this](unsigned slot) { return log_.crash_text(slot); };
  for (const std::string& line : status_table(
           pool_, [this](WorkerId id) { return facts(id); }, crashes, clock_.now())) {
    log::info("  " + line);
  }
}

}  // namespace preforkd
