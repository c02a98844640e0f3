// SPDX-License-Identifier: MIT
#include "master/master.hpp"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <functional>
#include <random>
#include <utility>

#include "base/apply_command.hpp"
#include "base/counted.hpp"
#include "base/escape.hpp"
#include "base/journal_fields.hpp"
#include "base/process_title.hpp"
#include "base/signal_name.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/pool/acquaintances.hpp"
#include "master/pool/replacements.hpp"
#include "master/process/service_group.hpp"
#include "master/process/worker_room.hpp"
#include "master/report/failed_start.hpp"
#include "master/report/pool_status.hpp"

namespace preforkd {
namespace {

constexpr Duration measure_interval = std::chrono::seconds(1);

std::uint64_t random_seed() {
  std::random_device device;
  return (static_cast<std::uint64_t>(device()) << 32) | device();
}

std::string_view describe(ListenSockets::Origin origin) noexcept {
  switch (origin) {
    case ListenSockets::Origin::passed:
      return " (passed to us)";
    case ListenSockets::Origin::stored:
      return " (stored by systemd)";
    case ListenSockets::Origin::bound:
      break;
  }
  return "";
}

// Whether the same execve may succeed a moment later.
bool is_passing(int error) noexcept {
  return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE || error == ETXTBSY || error == EIO ||
         error == EINTR;
}

void log_stray(int signal) {
  log::warning(signal_name(signal) + ": ignored; preforkd(8) lists the signals that have an effect",
               {message_id::field(message_id::signal_ignored)});
}

RuntimeDirectory::Former former_directory(Predecessor& predecessor) {
  RuntimeDirectory::Former former{predecessor.master.runtime_directory, std::move(predecessor.runtime_directory), {}};
  for (const auto& [id, worker] : predecessor.workers) former.sockets.push_back(worker.parts.notify_path);
  return former;
}

}  // namespace

Master::Master(MasterStart start)
    : units_(*start.config_of_units),
      leaves_with_terminal_(start.setup.leaves_with_terminal),
      service_group_(service_group(own_control_groups(), control_group_mount, start.config->name,
                                   std::getenv("SYSTEMD_EXEC_PID"), getpid())),
      sockets_(ListenSockets::open(*start.config, start.socket_unit, std::move(start.inherited))),
      listen_watch_(loop_),
      directory_(start.predecessor ? RuntimeDirectory(start.config->name, former_directory(*start.predecessor))
                                   : RuntimeDirectory(start.config->name)),
      alert_(start.config->alert_after, alert_file_.exists()),
      worker_groups_(service_group_, start.setup.in_master_group),
      orphans_(loop_, !worker_groups_.available()),
      launcher_(loop_, sockets_, directory_, worker_groups_, orphans_,
                {.to_journal = log::stderr_is_journal(),
                 .soft_open_files = start.setup.soft_open_files,
                 .outlive_master = sockets_.has_socket_unit() && notifier_.connected()},
                *this),
      log_([this](WorkerId id) { return launcher_.facts(id); }, clock_),
      pool_(start.predecessor ? Pool(start.predecessor->pool.image, start.predecessor->pool.generations,
                                     std::move(start.predecessor->pool.history), launcher_, clock_)
                              : Pool(start.config, launcher_, clock_, random_seed())),
      totals_(pool_, launcher_, start.predecessor ? std::move(start.predecessor->totals) : Totals()),
      succession_(loop_, notifier_, pool_, launcher_, sockets_, directory_, start, [this] { news_ = true; }),
      upgrade_(
          loop_, orphans_, succession_, std::move(start.invocation), [this] { return why_no_upgrade(); },
          [this] { news_ = true; }),
      reloader_(std::move(start.source), start.config, sockets_, pool_,
                {.to_journal = log::stderr_is_journal(),
                 .pid_of = [this](WorkerId id) { return launcher_.facts(id).pid; },
                 .on_config = [this] { on_config(); },
                 .left_undone = [this] { return left_undone(); },
                 .on_result = [this](const ReloadResult& result) { control_plane_.reload_finished(result); }}),
      scaler_(loop_, pool_, launcher_, sockets_, clock_, [this] { shutdown_.leave_idle(); }),
      control_plane_(loop_, start.bus_address, *this, clock_),
      status_feed_(loop_, notifier_,
                   [this] {
                     return StatusFeed::Text{status(), pool_.draining_count() > 0};
                   }),
      deadline_timer_(
          loop_.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] { pool_.step(event::Tick{}); })),
      measure_timer_(loop_.add_timer(Priority::normal, measure_interval / 2, [this] { measure(); })),
      after_each_(loop_.add_after_each([this] { settle(); })),
      sweep_(loop_, service_group_, orphans_, [this] { news_ = true; }),
      shutdown_({.control = *this,
                 .pool = pool_,
                 .sweep = sweep_,
                 .sockets = sockets_,
                 .listener_store = listener_store_,
                 .notifier = notifier_,
                 .control_plane = control_plane_,
                 .succession = succession_},
                units_.user(), [this] { news_ = true; }),
      any_executed_(succession_.adopted() > 0) {
  pool_.add_observer(log_);
  pool_.add_observer(reloader_);
  pool_.add_observer(control_plane_);
  watch_signals();
  succession_.note(totals_.ended());
}

Master::~Master() = default;

void Master::run() {
  log::add_common_field({journal_field::pool, config().name});
  set_process_name("preforkd");
  set_process_title("preforkd: " + config().name + " master");
  if (!succession_.upgraded_in_place()) {
    for (const ListenSockets::Open& socket : sockets_.all())
      log::info("listening on " + format_address(socket.address) + std::string(describe(socket.origin)));
  }
  for (const std::string& difference : sockets_.differences(config())) log::warning(difference);
  if (const std::string doubt = units_.doubt_about_user(config()); !doubt.empty()) log::warning(doubt);
  check_room();
  listen_watch_.watch(sockets_);
  listener_store_.keep(sockets_);
  notifier_.serve_watchdog();
  arm_measure();
  sweep_.end_elders(config().stop_signal, config().drain_timeout, launcher_.parts());
  scaler_.configure(config());
  succession_.begin();
  settle();
  loop_.run();
  if (shutdown_.leaves_workers()) _exit(exit_code::ok);  // destructors would end what the next master needs
  if (!hopeless_.empty()) throw ExitError(exit_code::unavailable, hopeless_);
}

void Master::check_room() const {
  const unsigned most = config().scale ? config().workers.max : config().workers.initial;
  const WorkerRoom room{.workers = most,
                        .surge = surge_limit(config().reload, most),
                        .present = static_cast<unsigned>(pool_.workers().size()),
                        .membership = own_control_groups(),
                        .mount = control_group_mount};
  for (const std::string& shortage : room.shortages()) log::warning(shortage);
}

std::string Master::left_undone() const {
  std::string keys;
  for (const std::string& key : unapplied()) keys += (keys.empty() ? "" : ", ") + key;
  return keys.empty() ? keys : keys + ": " + apply_command(config().name);
}

void Master::on_worker_executed(WorkerId id) {
  any_executed_ = true;
  pool_.step(event::WorkerExecuted{id});
}

void Master::on_worker_file_changed(WorkerId id, std::size_t file) {
  news_ = true;
  const Generation* const generation = launcher_.generation_of(id);
  if (generation == nullptr || !told_changed_.insert({generation->number, file}).second) return;
  const std::string path = escape_bytes(generation->config->files.at(file).path, 4096);
  const std::string number = std::to_string(generation->number);
  const log::Fields fields{message_id::field(message_id::file_changed), {journal_field::generation, number}};
  if (file == 0 && generation->config->program_file) {
    log::info(path + " has changed; generation " + number + " keeps running the old file until a reload", fields);
    return;
  }
  stale_ = path + " has changed since generation " + number + " was started";
  log::warning(stale_ + ": workers that start now use the changed file; reload the pool so that all use the same",
               fields);
}

void Master::on_worker_notified(WorkerId id, const NotifyMessage& message) {
  pool_.step(event::WorkerHeard{id});
  if (message.watchdog) pool_.step(event::WorkerWatchdogTimeout{id, *message.watchdog});
  if (message.alive) pool_.step(event::WorkerAlive{id});
  if (message.extend_timeout) pool_.step(event::WorkerExtends{id, *message.extend_timeout});
  if (message.ready) pool_.step(event::WorkerReady{id});
  if (message.stopping) pool_.step(event::WorkerStopping{id});
  if (message.watchdog_trigger) pool_.step(event::WorkerWatchdogTrigger{id});
  if (message.ready || message.stopping) succession_.keep();  // a worker says that once
}

void Master::on_worker_said(WorkerId id, const ControlLink::Message& message) {
  if (const auto* hello = std::get_if<control::Hello>(&message)) {
    pool_.step(event::WorkerMoves{id, {hello->protocol, hello->framing}});
    succession_.keep();
  }
  const Worker* const worker = pool_.scheduler().roster().find(id);
  if (const auto* talks = std::get_if<control::Talks>(&message); talks != nullptr && worker && !worker->talks) {
    pool_.step(event::WorkerTalks{id, talks->protocol});
    succession_.keep();
    log_if_silent(id);
  }
  if (const auto* seeks = std::get_if<control::Seeks>(&message)) pool_.step(event::WorkerSeeks{id, seeks->connections});
  if (std::holds_alternative<control::Busy>(message)) scaler_.on_busy();
  if (const auto* gave = std::get_if<control::Gave>(&message)) {
    event::WorkerGave event{
        .id = id, .connections = gave->moved, .closed = gave->closed, .by_keeper = gave->by_keeper != 0};
    static_assert(static_cast<std::size_t>(NotTaken::framing) == transfer::refusal_count);
    std::copy(gave->refused.begin(), gave->refused.end(), event.refused.begin());
    pool_.step(event);
  }
}

void Master::log_if_silent(WorkerId id) {
  const Worker* const worker = pool_.scheduler().roster().find(id);
  if (worker == nullptr || worker->slot < max_talking_slots || std::exchange(told_silent_, true)) return;
  log::warning("worker " + std::to_string(worker->slot) +
               " exchanges no messages with other workers: only those in slots 0 to " +
               std::to_string(max_talking_slots - 1) + " do");
}

void Master::on_worker_gone(WorkerId id, const ExitStatus& status) {
  give_up_if_hopeless(status);
  totals_.on_worker_gone(id, clock_.now());
  succession_.note(totals_.ended());
  const WorkerProcess* const process = launcher_.find(id);
  const bool remains = process != nullptr && process->remains() != nullptr;
  event::WorkerExited event{.id = id, .status = status, .oom = died_of_oom(id, status), .remains = remains};
  if (process != nullptr) {
    event.pid = process->pid();
    event.used = process->used();
  }
  pool_.step(event);
}

void Master::on_remains_gone(WorkerId id) { pool_.step(event::RemainsGone{id}); }

bool Master::died_of_oom(WorkerId id, const ExitStatus& status) {
  if (status.kind != ExitStatus::Kind::signaled || status.value != SIGKILL) return false;
  const WorkerProcess* process = launcher_.find(id);
  if (process == nullptr || process->was_sent_sigkill()) return false;
  const std::optional<bool> own = launcher_.oom_explains_death(id, clock_.now());
  return own ? *own : oom_kills_.explain_death(clock_.now());
}

// A pool never gives up on workers that crash. But if none was ever executed and the reason is permanent, the start
// fails at once, so that it can be fixed.
void Master::give_up_if_hopeless(const ExitStatus& status) {
  if (any_executed_ || started_ || pool_.state() == PoolState::stopping) return;
  if (status.kind != ExitStatus::Kind::exec_failed || is_passing(status.value)) return;
  hopeless_ =
      "cannot start a worker: " + config().program.front() + ": " + to_string(status) + std::string(hint(status));
  pool_.step(event::StopNow{});
}

void Master::watch_signals() {
  const auto on = [this](int signal, std::function<void()> callback) {
    signals_.push_back(loop_.add_signal(signal, Priority::signal, std::move(callback)));
  };
  on(SIGTERM, [this] { shutdown_.request("SIGTERM"); });
  on(SIGINT, [this] { shutdown_.request("SIGINT"); });
  on(SIGHUP, [this] { hang_up(); });
  on(SIGTTIN, [this] { resize_by_one(+1); });
  on(SIGTTOU, [this] { resize_by_one(-1); });
  on(SIGUSR1, [this] { show_table(); });
  on(SIGUSR2, [this] { upgrade("SIGUSR2", {}); });
  // By default these end a process, but a mistyped signal number must not end the pool.
  std::vector<int> strays{SIGQUIT, SIGALRM, SIGVTALRM, SIGPROF, SIGXCPU, SIGIO, SIGPWR, SIGSTKFLT};
  for (int signal = SIGRTMIN; signal <= SIGRTMAX; ++signal) strays.push_back(signal);
  for (const int signal : strays) {
    on(signal, [signal, told = false]() mutable {
      if (!std::exchange(told, true)) log_stray(signal);
    });
  }
}

void Master::hang_up() {
  if (leaves_with_terminal_ && !has_terminal()) {
    shutdown_.request("SIGHUP because the terminal of preforkd was closed (under nohup or setsid it would reload)");
    return;
  }
  log::info("SIGHUP: reload");
  begin_reload({});
}

void Master::begin_reload(ReloadCallback done) {
  news_ = true;
  if (pool_.state() != PoolState::stopping) {
    notifier_.reloading();
    reloading_ = true;
  }
  extended_until_ = {};
  reloader_.reload(std::move(done));
}

void Master::extend_timeout() {
  constexpr Duration slack =
      std::chrono::seconds(1);  // requests of workers for a little time each are passed on in fewer steps
  constexpr Duration margin = std::chrono::seconds(30);
  if (started_ && !reloading_ && pool_.state() != PoolState::stopping) return;
  const std::optional<Instant> ends = std::max(pool_.scheduler().last_response_deadline(), sweep_.ends());
  if (!ends || *ends + margin <= extended_until_ + slack) return;
  extended_until_ = *ends + margin;
  notifier_.extend_timeout(extended_until_ - clock_.now());
}

void Master::resize_by_one(int by) {
  const WorkerCount& bounds = config().workers;
  const unsigned now = pool_.target();
  const unsigned wanted = by < 0 && now == 0 ? 0 : now + static_cast<unsigned>(by);
  const std::string what = by > 0 ? "SIGTTIN: add a worker" : "SIGTTOU: remove a worker";
  if (pool_.step(event::Resize{wanted})) {
    log::info(what + ": " + counted(wanted, "worker") + until_unpinned());
  } else if (pool_.state() == PoolState::stopping) {
    log::warning(what + ": refused, " + pool_is_stopping);
  } else if (bounds.min == bounds.max) {
    log::warning(what + ": refused, \"workers\" is " + std::to_string(bounds.max) + " in " + config().file +
                 R"(; to allow that, write {"min": …, "max": …})");
  } else {
    log::warning(what + ": refused, the pool has from " + std::to_string(bounds.min) + " to " +
                 counted(bounds.max, "worker"));
  }
}

std::string Master::until_unpinned() const {
  if (!pool_.scheduler().pinned()) return "";
  return "; the load decides again after a reload or \"preforkctl scale " + config().name + " auto\"";
}

void Master::reload(const std::string& who, ReloadCallback done) {
  log::info("reload requested by " + who);
  begin_reload(std::move(done));
}

bool Master::keep() {
  succession_.keep();
  return true;
}

bool Master::resize(unsigned workers, const std::string& who) {
  const unsigned before = pool_.target();
  if (!pool_.step(event::Resize{workers})) return false;
  log::info("resize from " + std::to_string(before) + " to " + counted(workers, "worker") + ", requested by " + who +
            until_unpinned());
  return keep();
}

bool Master::unpin(const std::string& who) {
  if (!pool_.step(event::Unpin{})) return false;
  log::info("the load decides about the number of workers again, requested by " + who);
  return keep();
}

bool Master::recycle(unsigned slot, const std::string& who) {
  if (!pool_.step(event::Recycle{slot})) return false;
  log::info("recycle worker " + std::to_string(slot) + ", requested by " + who);
  return keep();
}

bool Master::recycle_all(const std::string& who) {
  if (pool_.state() == PoolState::stopping) return false;
  log::info("recycle all workers, requested by " + who);
  for (unsigned slot = 0; slot < pool_.target(); ++slot) static_cast<void>(pool_.step(event::Recycle{slot}));
  return keep();
}

bool Master::rebalance(const std::string& who) {
  if (!pool_.step(event::Rebalance{})) return false;
  log::info("rebalance requested by " + who);
  return true;
}

bool Master::set_drained(bool drained, const std::string& who) {
  if (pool_.state() == PoolState::stopping) return false;
  if (drained == succession_.drained()) return true;
  succession_.set_drained(drained);
  log::info((drained ? "drained: load balancers should send no new clients, requested by "
                     : "no longer drained, requested by ") +
            who);
  news_ = true;
  return keep();
}

bool Master::kill(unsigned slot, int signal, const std::string& who) {
  if (!pool_.step(event::Kill{slot, signal})) return false;
  log::info(to_string(ExitStatus{ExitStatus::Kind::signaled, signal, {}}) + " to worker " + std::to_string(slot) +
            ", requested by " + who);
  return true;
}

std::string Master::why_no_upgrade() const {
  if (shutdown_.requested()) return std::string(pool_is_stopping);
  if (reloader_.busy()) return "a reload is going on; try again when it has ended";
  return succession_.image_works() ? "" : "the image of the pool cannot be written";
}

void Master::upgrade(const std::string& who, UpgradeCallback done) {
  log::info("upgrade in place, requested by " + who);
  upgrade_.request(done ? std::move(done) : [](const Result<std::string>&) {});
}

// The caller has its answer. Sending that may handle other calls of the bus, so it comes before all else.
void Master::execute_successor() {
  control_plane_.flush();
  if (notifier_.all_sent()) upgrade_.execute();
}

void Master::show_table() {
  log::info(pool_name() + ": " + status());
  for (const std::string& line : status_table(
           pool_, [this](WorkerId id) { return launcher_.facts(id); }, clock_.now())) {
    log::info("  " + line);
  }
}

void Master::settle() {
  const bool any_news =
      std::exchange(news_, false) || shutdown_.waits_for_notifier() || upgrade_.agreed() || settled_ != pool_.steps();
  if (!any_news) return;
  settled_ = pool_.steps();
  try {
    conclude();
  } catch (...) {
    news_ = true;  // the event loop calls again
    throw;
  }
}

void Master::conclude() {
  arm_deadline();
  settle_start();
  settle_state();
  settle_alert();
  reloader_.settle();
  scaler_.settle();
  if (reloading_ && !reloader_.busy()) {
    reloading_ = false;
    if (started_) notifier_.ready(status());
  }
  control_plane_.settle();
  status_feed_.on_event();
  succession_.keep();
  if (upgrade_.agreed()) execute_successor();
  arm_deadline();
  if (!shutdown_.ended()) return extend_timeout();
  if (hopeless_.empty() && !shutdown_.leaves_workers())
    log::info(pool_name() + " has stopped: its last worker has exited", {message_id::field(message_id::pool_stopped)});
  loop_.exit(exit_code::ok);
}

void Master::settle_start() {
  if (started_ || !pool_.scheduler().started()) return;
  started_ = true;
  shutdown_.on_started();
  forget_failed_starts();
  notifier_.ready(status());
  log::info(pool_name() + ": " + status(), {message_id::field(message_id::pool_started)});
  if (!succession_.is_of_restart()) return;
  log::info("the service was restarted: reloading, so that all workers are new");
  // The number that an operator has decided on does not outlive a restart.
  static_cast<void>(config().scale ? pool_.step(event::Unpin{}) : pool_.step(event::Resize{config().workers.initial}));
  begin_reload({});
}

void Master::settle_state() {
  const PoolState now = pool_.state();
  if (now == shown_state_) return;
  const PoolState before = std::exchange(shown_state_, now);
  if (now == PoolState::stopping) extended_until_ = {};
  if (now == PoolState::degraded)
    log::warning(pool_name() + ": " + status(), {message_id::field(message_id::pool_degraded)});
  if (before == PoolState::degraded && now == PoolState::running)
    log::info(pool_name() + " has recovered: " + status(), {message_id::field(message_id::pool_recovered)});
}

void Master::settle_alert() {
  switch (alert_.look(pool_.state(), pool_.ready_count(), pool_.target(), clock_.now())) {
    case AlertPolicy::Step::raise:
      alert_file_.raise(pool_name() + " does not serve as it should: " + status(), pool_name() + ": " + status());
      return;
    case AlertPolicy::Step::clear:
      alert_file_.remove();
      log::info("the alert is over: " + pool_name() + ": " + status(),
                {message_id::field(message_id::pool_alert_over)});
      return;
    case AlertPolicy::Step::nothing:
      return;
  }
}

void Master::on_config() {
  succession_.all_are_new();
  told_changed_.clear();
  stale_.clear();
  listen_watch_.watch(sockets_);
  listener_store_.keep(sockets_);
  alert_.set_after(config().alert_after);
  scaler_.configure(config());
  arm_measure();
  check_room();
}

void Master::arm_deadline() {
  std::optional<Instant> next = pool_.next_deadline();
  if (const std::optional<Instant> alert = alert_.next(); alert && (!next || *alert < *next)) next = alert;
  if (next == armed_ && next && *next > clock_.now()) return;
  armed_ = next;
  if (next) {
    deadline_timer_.arm(*next);
  } else {
    deadline_timer_.disarm();
  }
}

void Master::measure() {
  const bool wants_memory = config().recycle.memory.has_value();
  for (const WorkerView& worker : pool_.workers()) {
    const WorkerFacts known = launcher_.facts(worker.id);
    if (known.pid == 0) continue;
    const std::uint64_t memory = wants_memory ? launcher_.usage(worker.id).memory : 0;
    pool_.step(event::WorkerMeasured{worker.id, known.counters.requests_total,
                                     memory > 0 ? std::optional(memory) : std::nullopt});
  }
  arm_measure();
}

void Master::arm_measure() {
  if (config().recycle.requests > 0 || config().recycle.memory) {
    measure_timer_.arm(clock_.now() + measure_interval);
  } else {
    measure_timer_.disarm();
  }
}

std::vector<ListenerView> Master::listeners() const {
  std::vector<ListenerView> views;
  for (const ListenSockets::Inherited& socket : sockets_.of(config())) {
    views.push_back({socket.name, check_listener(socket.fd) ? socket.address : "", accept_queue(socket.fd)});
  }
  return views;
}

std::string Master::status() const {
  const auto lookup = [this](WorkerId id) { return launcher_.facts(id); };
  const std::string line =
      status_line(pool_, lookup, launcher_.connections(), clock_.now(), std::chrono::system_clock::now());
  const std::string undone = left_undone();
  std::string failure;
  for (const SlotView& slot : pool_.idle_slots()) {
    if (failure.empty()) failure = log_.launch_failure(slot.slot);
  }
  return line + (drained() ? "; drained" : "") + (failure.empty() ? "" : "; " + failure) +
         (undone.empty() ? "" : "; not applied: " + undone) + (stale_.empty() ? "" : "; " + stale_);
}

std::string Master::pool_name() const { return "pool \"" + config().name + "\""; }

}  // namespace preforkd
