// SPDX-License-Identifier: MIT
#include "master/master.hpp"

#include <signal.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <random>
#include <utility>

#include "base/errors.hpp"
#include "base/process_title.hpp"
#include "base/time_span.hpp"
#include "master/log.hpp"
#include "master/own_memory.hpp"
#include "master/pool_status.hpp"

namespace preforkd {
namespace {

// Bounds for SIGTTIN and SIGTTOU where a pool was given on the command line as a plain number of workers: nobody wrote
// down limits, so the person at the shell gets room. A config file's plain number is a limit that somebody wrote down.
constexpr unsigned most_workers_by_hand = 1024;

constexpr Duration measure_interval = std::chrono::seconds(1);

std::shared_ptr<const PoolConfig> with_bounds(PoolConfig config) {
  if (config.file.empty() && config.workers.min == config.workers.max) {
    config.workers.min = 1;
    config.workers.max = std::max(config.workers.initial, most_workers_by_hand);
  }
  return std::make_shared<const PoolConfig>(std::move(config));
}

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

// Whether the same execve may succeed a moment later.
bool is_passing(int error) noexcept {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY || error == EIO ||
         error == EINTR;
}

}  // namespace

Master::Master(ConfigSource source, PoolConfig config, const ProcessSetup& setup)
    : source_(std::move(source)),
      config_(with_bounds(std::move(config))),
      leaves_with_terminal_(setup.leaves_with_terminal),
      sockets_(ListenSockets::open(*config_)),
      directory_(config_->name),
      launcher_(loop_, sockets_, directory_,
                {.to_journal = log::stderr_is_journal(),
                 .die_with_master = !notifier_.connected(),
                 .soft_open_files = setup.soft_open_files},
                *this),
      log_([this](WorkerId id) { return facts(id); }, [this] { return launcher_.failure(); }, clock_,
           config_->restart.forget_after),
      pool_(config_, launcher_, clock_, log_, random_seed()),
      status_feed_(loop_, notifier_, [this] { return status(); }),
      deadline_timer_(loop_.add_timer(Priority::deadline, std::chrono::milliseconds(1),
                                      [this] {
                                        happened_ = true;
                                        pool_.tick();
                                      })),
      measure_timer_(loop_.add_timer(Priority::deadline, measure_interval / 2, [this] { measure(); })),
      after_each_(loop_.add_after_each([this] { settle(); })) {
  watch_signals();
}

Master::~Master() = default;

int Master::run() {
  log::add_common_field({"PREFORK_POOL", config_->name});
  set_process_name("preforkd");
  set_process_title("preforkd: " + config_->name + " master");
  const std::string origin = sockets_.passed() ? " (passed to us)" : "";
  for (const std::string& address : sockets_.addresses()) log::info("listening on " + address + origin);
  for (const std::string& difference : sockets_.differences(*config_)) log::warning(difference);
  loop_.serve_watchdog();
  arm_measure();
  pool_.start();
  happened_ = true;
  settle();
  loop_.run();
  return exit_code_;
}

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
  on(SIGTTIN, [this] { resize(+1); });
  on(SIGTTOU, [this] { resize(-1); });
  on(SIGUSR1, [this] { show_table(); });
}

void Master::on_worker_executed(WorkerId id) {
  happened_ = true;
  any_executed_ = true;
  const PoolConfig* config = launcher_.config_of(id);
  if (config != nullptr && config->ready == ReadyMode::exec) pool_.worker_ready(id);
}

void Master::on_worker_notified(WorkerId id, const NotifyMessage& message) {
  happened_ = true;
  if (message.status) pool_.worker_status(id, *message.status);
  if (message.watchdog) pool_.worker_watchdog_timeout(id, *message.watchdog);
  if (message.alive) pool_.worker_alive(id);
  if (message.extend_timeout) pool_.worker_extends(id, *message.extend_timeout);
  if (message.ready) pool_.worker_ready(id);
  if (message.stopping) pool_.worker_stopping(id);
  if (message.watchdog_trigger) pool_.worker_watchdog_trigger(id);
}

void Master::on_worker_gone(WorkerId id, const ExitStatus& status) {
  happened_ = true;
  give_up_if_hopeless(status);
  pool_.worker_exited(id, status);
}

// A pool never gives up on workers that crash. But if nothing of it ever ran and the reason will not pass by itself,
// whoever starts it is told at once and can mend it.
void Master::give_up_if_hopeless(const ExitStatus& status) {
  if (any_executed_ || pool_.state() == PoolState::stopping) return;
  if (status.kind != ExitStatus::Kind::exec_failed || is_passing(status.value)) return;
  log::error("cannot start a worker: " + config_->program.front() + ": " + to_string(status));
  exit_code_ = exit_code::unavailable;
  pool_.stop_now();
}

void Master::stop(const std::string& why) {
  if (pool_.state() == PoolState::stopping) {
    log::warning(why + " again: killing the workers that are left");
    pool_.stop_now();
    return;
  }
  log::info(why + ": draining all workers, for " + format_time_span(config_->drain_timeout) +
            " at most; a second signal kills them");
  pool_.stop();
  notifier_.stopping(status());
}

void Master::hang_up() {
  if (leaves_with_terminal_ && !has_terminal()) {
    stop("the terminal is gone");
    return;
  }
  reload();
}

void Master::reload() {
  if (pool_.state() == PoolState::stopping) {
    log::warning("SIGHUP: not reloaded, the pool stops");
    return;
  }
  notifier_.reloading();
  if (!reload_) reload_ = Reload{};
  tl::expected<PoolConfig, ConfigFailure> config = load_config(source_);
  if (!config) {
    for (const std::string& line : config.error().lines) log::error(line);
    log::error("SIGHUP: not reloaded, " + pool_name() + " stays as it is");
    return;
  }
  log::info("SIGHUP: reloading " + pool_name());
  reload_->config = with_bounds(std::move(*config));
  reload_->generation_before = pool_.generation();
  pool_.reload(reload_->config);
}

void Master::resize(int by) {
  const WorkerCount& bounds = config_->workers;
  const unsigned now = pool_.target();
  const unsigned wanted = by < 0 && now == 0 ? 0 : now + static_cast<unsigned>(by);
  const std::string what = by > 0 ? "SIGTTIN: one worker more" : "SIGTTOU: one worker fewer";
  if (pool_.resize(wanted)) {
    log::info(what + ": " + counted(wanted, "worker"));
  } else if (pool_.state() == PoolState::stopping) {
    log::warning(what + ": refused, the pool stops");
  } else if (bounds.min == bounds.max) {
    log::warning(what + ": refused, \"workers\" is " + std::to_string(bounds.max) + " in " + config_->file +
                 R"(; write {"min": …, "max": …} to allow more and fewer)");
  } else {
    log::warning(what + ": refused, the pool has from " + std::to_string(bounds.min) + " to " +
                 counted(bounds.max, "worker"));
  }
}

void Master::show_table() {
  log::info(pool_name() + ": " + status());
  const auto crashes = [this](unsigned slot) { return log_.crashes(slot); };
  for (const std::string& line : status_table(
           pool_, [this](WorkerId id) { return facts(id); }, crashes, clock_.now())) {
    log::info("  " + line);
  }
}

void Master::settle() {
  if (!std::exchange(happened_, false)) return;
  settle_start();
  settle_state();
  settle_reload();
  status_feed_.on_event();
  arm_deadline();
  if (!pool_.finished()) return;
  if (exit_code_ == 0) log::info(pool_name() + " has stopped: its last worker is gone");
  loop_.exit(exit_code_);
}

void Master::settle_start() {
  if (started_ || !pool_.fully_started()) return;
  started_ = true;
  notifier_.ready(status());
  log::info(pool_name() + ": " + status());
}

void Master::settle_state() {
  const PoolState now = pool_.state();
  if (now == shown_state_) return;
  const PoolState before = std::exchange(shown_state_, now);
  if (now == PoolState::degraded) log::warning(pool_name() + ": " + status());
  if (before == PoolState::degraded && now == PoolState::running)
    log::info(pool_name() + " has recovered: " + status());
}

void Master::settle_reload() {
  if (!reload_ || pool_.state() == PoolState::reloading) return;
  if (reload_->config && pool_.generation() != reload_->generation_before) {
    config_ = reload_->config;
    arm_measure();
  }
  reload_.reset();
  if (started_) notifier_.ready(status());
}

void Master::arm_deadline() {
  const std::optional<Instant> next = pool_.next_deadline();
  if (next == armed_ && next && *next > clock_.now()) return;
  armed_ = next;
  if (next) {
    deadline_timer_.arm(*next);
  } else {
    deadline_timer_.disarm();
  }
}

void Master::measure() {
  happened_ = true;
  const bool wants_memory = config_->recycle.memory.has_value();
  for (const WorkerView& worker : pool_.workers()) {
    const ProcessFacts known = facts(worker.id);
    if (known.pid == 0) continue;
    pool_.worker_measured(worker.id, known.requests.value_or(0), wants_memory ? own_memory(known.pid) : std::nullopt);
  }
  arm_measure();
}

void Master::arm_measure() {
  if (config_->recycle.requests > 0 || config_->recycle.memory) {
    measure_timer_.arm(clock_.now() + measure_interval);
  } else {
    measure_timer_.disarm();
  }
}

ProcessFacts Master::facts(WorkerId id) const {
  const WorkerProcess* process = launcher_.find(id);
  if (process == nullptr) return {};
  ProcessFacts facts{process->pid(), {}, {}, process->status_text(), process->reported_error()};
  if (const StatsPage* stats = process->stats()) {
    facts.connections = stats->connections.load(std::memory_order_relaxed);
    facts.requests = stats->requests_total.load(std::memory_order_relaxed);
  }
  return facts;
}

std::string Master::status() const { return status_line(pool_, launcher_.connections()); }

std::string Master::pool_name() const { return "pool \"" + config_->name + "\""; }

}  // namespace preforkd
