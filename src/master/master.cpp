// SPDX-License-Identifier: MIT
#include "master/master.hpp"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <random>
#include <utility>

#include "base/errors.hpp"
#include "base/process_title.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/bus/bus_choice.hpp"
#include "master/process/own_memory.hpp"
#include "master/report/pool_status.hpp"

namespace preforkd {
namespace {

constexpr Duration measure_interval = std::chrono::seconds(1);

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

Master::Master(ConfigSource source, const PoolConfig& config, const ProcessSetup& setup, const std::string& bus_address)
    : Master(std::move(source), std::make_shared<const PoolConfig>(with_room_by_hand(config)), setup, bus_address) {}

Master::Master(ConfigSource source, std::shared_ptr<const PoolConfig> config, const ProcessSetup& setup,
               const std::string& bus_address)
    : leaves_with_terminal_(setup.leaves_with_terminal),
      sockets_(ListenSockets::open(*config)),
      listen_watch_(loop_),
      directory_(config->name),
      launcher_(loop_, sockets_, directory_,
                {.to_journal = log::stderr_is_journal(),
                 .die_with_master = !notifier_.connected(),
                 .soft_open_files = setup.soft_open_files},
                *this),
      log_([this](WorkerId id) { return facts(id); }, [this] { return launcher_.failure(); }, clock_,
           config->restart.forget_after),
      pool_(config, launcher_, clock_, observers_, random_seed()),
      reloader_(std::move(source), std::move(config), sockets_, pool_,
                {.to_journal = log::stderr_is_journal(),
                 .pid_of = [this](WorkerId id) { return facts(id).pid; },
                 .launch_failure = [this] { return launcher_.failure(); },
                 .on_config = [this] { on_config(); },
                 .on_result = [this](const ReloadResult& result) { control_plane_.reload_finished(result); }}),
      control_plane_(loop_, bus_address, *this, clock_),
      status_feed_(loop_, notifier_,
                   [this] {
                     return StatusFeed::Text{status(), pool_.draining_count() > 0};
                   }),
      deadline_timer_(loop_.add_timer(Priority::deadline, std::chrono::milliseconds(1),
                                      [this] {
                                        happened_ = true;
                                        pool_.tick();
                                      })),
      measure_timer_(loop_.add_timer(Priority::deadline, measure_interval / 2, [this] { measure(); })),
      after_each_(loop_.add_after_each([this] { settle(); })) {
  observers_.add(log_);
  observers_.add(reloader_);
  observers_.add(control_plane_);
  watch_signals();
}

Master::~Master() = default;

int Master::run() {
  log::add_common_field({"PREFORK_POOL", config().name});
  set_process_name("preforkd");
  set_process_title("preforkd: " + config().name + " master");
  const std::string origin = sockets_.passed() ? " (passed to us)" : "";
  for (const std::string& address : sockets_.addresses()) log::info("listening on " + address + origin);
  for (const std::string& difference : sockets_.differences(config())) log::warning(difference);
  check_user();
  listen_watch_.watch(sockets_);
  loop_.serve_watchdog();
  arm_measure();
  pool_.start();
  happened_ = true;
  settle();
  loop_.run();
  return exit_code_;
}

// Only systemd can change the user: the generator tells it to.
void Master::check_user() const {
  const std::string& wanted = config().user;
  if (wanted.empty()) return;
  const passwd* const own = getpwuid(geteuid());
  const std::string name = own != nullptr ? own->pw_name : "uid " + std::to_string(geteuid());
  if (name == wanted) return;
  log::warning("user: the config says " + wanted + ", but the pool runs as " + name +
               (is_service() ? "; after systemctl daemon-reload, restart it" : "; by hand, start it as that user"));
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
  Counters last = worker_facts(id).counters;
  last.connections = 0;  // closed with the process
  gone_ += last;
  pool_.worker_exited(id, status, died_of_oom(id, status));
}

bool Master::died_of_oom(WorkerId id, const ExitStatus& status) {
  if (status.kind != ExitStatus::Kind::signaled || status.value != SIGKILL) return false;
  const WorkerProcess* process = launcher_.find(id);
  return process != nullptr && !process->was_sent_sigkill() && oom_kills_.explain_death(clock_.now());
}

// A pool never gives up on workers that crash. But if nothing of it ever ran and the reason will not pass by itself,
// whoever starts it is told at once and can mend it.
void Master::give_up_if_hopeless(const ExitStatus& status) {
  if (any_executed_ || pool_.state() == PoolState::stopping) return;
  if (status.kind != ExitStatus::Kind::exec_failed || is_passing(status.value)) return;
  log::error("cannot start a worker: " + config().program.front() + ": " + to_string(status));
  exit_code_ = exit_code::unavailable;
  pool_.stop_now();
}

void Master::settle() {
  if (!std::exchange(happened_, false)) return;
  settle_start();
  settle_state();
  reloader_.settle();
  if (reloading_ && !reloader_.busy()) {
    reloading_ = false;
    if (started_) notifier_.ready(status());
  }
  extend_reload();
  control_plane_.settle();
  status_feed_.on_event();
  arm_deadline();
  if (!pool_.finished()) return;
  if (exit_code_ == 0)
    log::info(pool_name() + " has stopped: its last worker is gone", {message_id::field(message_id::pool_stopped)});
  loop_.exit(exit_code_);
}

void Master::settle_start() {
  if (started_ || !pool_.fully_started()) return;
  started_ = true;
  notifier_.ready(status());
  log::info(pool_name() + ": " + status(), {message_id::field(message_id::pool_started)});
}

void Master::settle_state() {
  const PoolState now = pool_.state();
  if (now == shown_state_) return;
  const PoolState before = std::exchange(shown_state_, now);
  if (now == PoolState::degraded)
    log::warning(pool_name() + ": " + status(), {message_id::field(message_id::pool_degraded)});
  if (before == PoolState::degraded && now == PoolState::running)
    log::info(pool_name() + " has recovered: " + status(), {message_id::field(message_id::pool_recovered)});
}

void Master::on_config() {
  listen_watch_.watch(sockets_);
  log_.set_forget_after(config().restart.forget_after);
  arm_measure();
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
  const bool wants_memory = config().recycle.memory.has_value();
  for (const WorkerView& worker : pool_.workers()) {
    const ProcessFacts known = facts(worker.id);
    if (known.pid == 0) continue;
    pool_.worker_measured(worker.id, known.requests.value_or(0), wants_memory ? own_memory(known.pid) : std::nullopt);
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

WorkerFacts Master::worker_facts(WorkerId id) const {
  const WorkerProcess* process = launcher_.find(id);
  if (process == nullptr) return {};
  return {process->pid(), process->status_text(), read_counters(process->stats())};
}

std::vector<ListenerView> Master::listeners() const {
  std::vector<ListenerView> views;
  for (const ListenSockets::Inherited& socket : sockets_.of(config())) {
    const Result<Address> address = check_listener(socket.fd);
    views.push_back({socket.name, address ? format_address(*address) : "", accept_queue(socket.fd)});
  }
  return views;
}

Counters Master::totals() const {
  Counters sum = gone_;
  for (const WorkerView& worker : pool_.workers()) sum += worker_facts(worker.id).counters;
  return sum;
}

std::string Master::status() const {
  const auto lookup = [this](WorkerId id) { return facts(id); };
  return status_line(pool_, lookup, launcher_.connections(), clock_.now(), std::chrono::system_clock::now());
}

std::string Master::pool_name() const { return "pool \"" + config().name + "\""; }

}  // namespace preforkd
