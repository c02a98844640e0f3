// SPDX-License-Identifier: MIT
#include "master/process/process_launcher.hpp"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <exception>
#include <iterator>
#include <stdexcept>
#include <utility>

#include "base/counted.hpp"
#include "base/errors.hpp"
#include "base/file_identity.hpp"
#include "base/journal_fields.hpp"
#include "config/reader/environment_files.hpp"
#include "master/base/journal_socket.hpp"
#include "master/base/log.hpp"
#include "wire/worker_env.hpp"

namespace preforkd {

namespace {

// The value of JOURNAL_STREAM in systemd.exec(5), by which a program recognises its stderr as a journal stream.
std::string stream_name(int fd) {
  const std::optional<FileIdentity> there = FileIdentity::of(fd);
  return there ? std::to_string(there->device) + ":" + std::to_string(there->inode) : "";
}

constexpr Duration owed_interval = std::chrono::milliseconds(100);

std::string label_of(const Launch& launch) { return "worker " + std::to_string(launch.slot); }

}  // namespace

ProcessLauncher::ProcessLauncher(EventLoop& loop, const ListenSockets& sockets, RuntimeDirectory& directory,
                                 WorkerGroups& groups, Orphans& orphans, LaunchSettings settings,
                                 WorkerObserver& observer)
    : loop_(loop),
      sockets_(sockets),
      directory_(directory),
      groups_(groups),
      orphans_(orphans),
      settings_(settings),
      inherited_(inherited_environment(environ, !settings.to_journal)),
      null_(open("/dev/null", O_RDWR | O_CLOEXEC)),
      oom_watch_(loop),
      observer_(observer),
      owed_timer_(loop.add_timer(Priority::normal, owed_interval / 2, [this] { meet_owed(); })) {
  if (!null_) throw ExitError(exit_code::os_error, "cannot open /dev/null: " + errno_text(errno));
}

Result<void> ProcessLauncher::start(const Launch& what) noexcept {
  try {
    launch(what);
    return {};
  } catch (const std::exception& error) {
    return Failure(error.what());
  }
}

void ProcessLauncher::launch(const Launch& launch) {
  const PoolConfig& config = *launch.generation->config;
  if (directory_.renew()) renew_notify_paths();
  auto worker = std::make_unique<WorkerProcess>(loop_, launch.id, label_of(launch), directory_.new_socket_path(),
                                                static_cast<WorkerObserver&>(*this), orphans_,
                                                groups_.make(launch.id, config.group_limits));
  UniqueFd stream;
  if (settings_.to_journal) {
    stream = open_journal_stream(worker_identifier(config.name, launch.slot));
    // A journald that restarts or hangs must not keep a worker from starting.
    if (!stream) stream.reset(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  const SpawnPlan how = plan(launch, *worker, stream.get());
  // Recorded before the process starts: a process that could not be recorded must never exist.
  const auto running = workers_.emplace(launch.id, Running{launch.generation, std::move(worker), launch.slot}).first;
  try {
    watch_oom(launch.id);
    running->second.process->start(how);
  } catch (...) {
    oom_watch_.remove(launch.id);
    workers_.erase(running);
    throw;
  }
}

Result<void> ProcessLauncher::adopt(const Launch& launch, const WorkerParts& parts,
                                    WorkerDescriptors descriptors) noexcept {
  try {
    auto worker =
        std::make_unique<WorkerProcess>(loop_, launch.id, label_of(launch), parts, std::move(descriptors),
                                        static_cast<WorkerObserver&>(*this), orphans_, groups_.adopt(parts.group));
    workers_.emplace(launch.id, Running{launch.generation, std::move(worker), launch.slot});
    watch_oom(launch.id);
    return {};
  } catch (const std::exception& error) {
    groups_.disown(parts.group);
    return Failure(error.what());
  }
}

void ProcessLauncher::watch_oom(WorkerId id) {
  if (const GroupFolder* const group = workers_.at(id).process->group()) oom_watch_.add(id, *group);
}

std::vector<WorkerParts> ProcessLauncher::parts() const {
  std::vector<WorkerParts> all;
  for (const auto& [id, worker] : workers_) all.push_back(worker.process->parts());
  return all;
}

worker_env::Contract ProcessLauncher::contract(const Launch& launch, const WorkerProcess& worker) const {
  const PoolConfig& config = *launch.generation->config;
  const std::vector<ListenSockets::Inherited> listeners = sockets_.of(config);
  const int control_fd = worker_env::first_listen_fd + static_cast<int>(listeners.size());
  worker_env::Contract contract;
  contract.pool = config.name;
  contract.slot = launch.slot;
  contract.generation = launch.generation->number;
  contract.settings = config.settings;
  for (const ListenSockets::Inherited& listener : listeners) contract.listen_names.push_back(listener.name);
  contract.notify_socket = worker.notify_path();
  contract.watchdog = config.hang_timeout;
  contract.drain = config.drain_timeout;
  contract.control_fd = control_fd;
  contract.stats_fd = control_fd + 1;
  return contract;
}

SpawnPlan ProcessLauncher::plan(const Launch& launch, const WorkerProcess& worker, int output) const {
  const PoolConfig& config = *launch.generation->config;
  Result<Environment> from_files = read_environment_files(config.environment_files);
  if (!from_files) throw std::runtime_error(from_files.error().text);
  SpawnPlan plan;
  plan.program = config.program.front();
  plan.program_file = config.program_file ? config.program_file->get() : -1;
  plan.files = config.files;
  plan.arguments = config.program;
  plan.environment = worker_environment(inherited_, config, *from_files, contract(launch, worker));
  if (output >= 0) plan.environment.push_back("JOURNAL_STREAM=" + stream_name(output));
  const std::vector<ListenSockets::Inherited> listeners = sockets_.of(config);
  plan.set_listen_pid = !listeners.empty();
  plan.set_watchdog_pid = config.hang_timeout.has_value();
  plan.directory = config.directory;
  plan.descriptors = {null_.get(), output >= 0 ? output : STDOUT_FILENO, output >= 0 ? output : STDERR_FILENO};
  for (const ListenSockets::Inherited& listener : listeners) plan.descriptors.push_back(listener.fd);
  plan.descriptors.push_back(worker.control_end());
  plan.descriptors.push_back(worker.stats_memfd());
  if (!settings_.outlive_master) plan.death_signal = config.stop_signal;
  plan.soft_open_files = settings_.soft_open_files;
  plan.process = config.process;
  plan.cpus = affinity_mask(config.process.cpu_affinity, launch.slot, allowed_cpus());
  return plan;
}

void ProcessLauncher::signal(WorkerId id, int signal) noexcept {
  const auto worker = workers_.find(id);
  if (worker == workers_.end()) return;
  const PoolConfig& config = *worker->second.generation->config;
  const bool is_for_all = signal == config.stop_signal && config.stop == StopMode::control_group;
  if (is_for_all) {
    worker->second.process->signal_all(signal);
  } else {
    worker->second.process->signal(signal);
  }
}

// The taker is told first. One that cannot be told has just died: the giver finds the other end closed, and seeks
// again.
void ProcessLauncher::introduce(WorkerId giver, WorkerId taker, std::uint32_t max) noexcept {
  std::array<int, 2> ends{-1, -1};
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) {
    log::warning("cannot make a socket pair for connections that move to another worker: " + errno_text(errno));
    return dismiss(giver);
  }
  const UniqueFd for_taker(ends[0]);
  const UniqueFd for_giver(ends[1]);
  static_cast<void>(say(taker, control::Take{}, for_taker.get()));
  static_cast<void>(say(giver, control::Give{max}, for_giver.get()));
}

void ProcessLauncher::dismiss(WorkerId giver) noexcept { static_cast<void>(say(giver, control::NoTaker{})); }

void ProcessLauncher::meet(WorkerId one, WorkerId other) noexcept {
  Acquaintance pair{one, other, {}, {}};
  if (bring_together(pair)) return;
  owed_.push_back(std::move(pair));
  owed_timer_.arm(SteadyClock().now() + owed_interval);
}

bool ProcessLauncher::bring_together(Acquaintance& pair) noexcept {
  if (!listens(pair.one) || !listens(pair.other)) return true;
  if (!pair.for_one && !pair.for_other) {
    std::array<int, 2> ends{-1, -1};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends.data()) != 0) return false;
    pair.for_one.reset(ends[0]);
    pair.for_other.reset(ends[1]);
  }
  const bool one_has_it = present(pair.other, pair.for_one, pair.one);
  const bool other_has_it = present(pair.one, pair.for_other, pair.other);
  if (one_has_it || other_has_it) return one_has_it && other_has_it;
  pair.for_one.reset();  // nothing is lost with it, and descriptors may be short
  pair.for_other.reset();
  return false;
}

bool ProcessLauncher::present(WorkerId id, UniqueFd& end, WorkerId to) noexcept {
  if (!end) return true;
  const Running& worker = workers_.at(id);
  const control::Meet meet{static_cast<std::uint64_t>(id), worker.slot, worker.generation->number,
                           worker.process->pid(), 0};
  if (!say(to, meet, end.get())) return false;
  end.reset();
  return true;
}

bool ProcessLauncher::listens(WorkerId id) const noexcept {
  const WorkerProcess* const process = find(id);
  return process != nullptr && process->descriptors().control >= 0;
}

void ProcessLauncher::meet_owed() noexcept {
  for (auto pair = owed_.begin(); pair != owed_.end();)
    pair = bring_together(*pair) ? owed_.erase(pair) : std::next(pair);
  if (!owed_.empty()) owed_timer_.arm(SteadyClock().now() + owed_interval);
}

bool ProcessLauncher::say(WorkerId id, const control::Message& message, int fd) noexcept {
  const auto worker = workers_.find(id);
  return worker != workers_.end() && worker->second.process->say(message, fd);
}

std::uint64_t ProcessLauncher::load(WorkerId id) const noexcept {
  const WorkerProcess* const process = find(id);
  return process == nullptr ? 0 : process->open_connections();
}

std::vector<WorkerId> ProcessLauncher::unheard() noexcept {
  std::vector<WorkerId> ids;
  try {
    renew_notify_paths();
    for (auto& [id, worker] : workers_) {
      if (std::exchange(worker.was_cut_off, false)) ids.push_back(id);
    }
  } catch (const std::exception& error) {
    log::error(error.what());
  }
  return ids;
}

void ProcessLauncher::renew_notify_paths() {
  std::size_t cut_off = 0;
  std::string failure;
  for (auto& [id, worker] : workers_) {
    WorkerProcess& process = *worker.process;
    if (process.is_reachable()) continue;
    worker.was_cut_off = true;
    ++cut_off;
    try {
      directory_.renew();
      if (directory_.holds(process.notify_path())) {
        process.renew_notify_path();
        renewed_.push_back(id);
      } else {
        failure = "the folder can't be created again";
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }
  const bool told = std::exchange(cut_off_for_good_, !failure.empty());
  if (cut_off == 0 || (told && cut_off_for_good_)) return;
  const std::string text = "the notify sockets of " + counted(cut_off, "worker") + " were removed";
  if (failure.empty()) {
    log::warning(text + ": created again");
  } else {
    log::warning(text + ": " + failure +
                 "; they can't send WATCHDOG=1 any more, so they are not killed as hung; "
                 "reload to replace them");
  }
}

void ProcessLauncher::on_worker_executed(WorkerId id) { observer_.on_worker_executed(id); }

void ProcessLauncher::on_worker_file_changed(WorkerId id, std::size_t file) {
  observer_.on_worker_file_changed(id, file);
}

void ProcessLauncher::on_worker_notified(WorkerId id, const NotifyMessage& message) {
  observer_.on_worker_notified(id, message);
}

void ProcessLauncher::on_worker_said(WorkerId id, const ControlLink::Message& message) {
  observer_.on_worker_said(id, message);
}

// Forgets a worker after its end was reported, even if that throws.
struct ProcessLauncher::Forget {
  ProcessLauncher& launcher;
  WorkerId id;
  ~Forget() {
    launcher.oom_watch_.remove(id);
    launcher.workers_.erase(id);
    launcher.groups_.end_abandoned();
  }
};

void ProcessLauncher::on_worker_gone(WorkerId id, const ExitStatus& status) {
  const WorkerProcess* const worker = find(id);
  if (worker != nullptr && worker->remains() != nullptr) return observer_.on_worker_gone(id, status);
  const Forget forget{*this, id};
  observer_.on_worker_gone(id, status);
}

void ProcessLauncher::on_remains_gone(WorkerId id) {
  const Forget forget{*this, id};
  observer_.on_remains_gone(id);
}

const WorkerProcess* ProcessLauncher::find(WorkerId id) const noexcept {
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? nullptr : worker->second.process.get();
}

WorkerFacts ProcessLauncher::facts(WorkerId id) const {
  const WorkerProcess* const process = find(id);
  return process == nullptr ? WorkerFacts{} : process->facts();
}

WorkerUsage ProcessLauncher::usage(WorkerId id) const {
  const WorkerProcess* const process = find(id);
  return process == nullptr ? WorkerUsage{} : process->usage();
}

NamedCounts ProcessLauncher::named_counts(WorkerId id) const {
  const WorkerProcess* const process = find(id);
  return process == nullptr ? NamedCounts{} : process->named_counts();
}

WorkerUsage ProcessLauncher::work_done(WorkerId id, Instant now) const noexcept {
  const WorkerProcess* const process = find(id);
  return process == nullptr ? WorkerUsage{} : process->work_done(now);
}

bool ProcessLauncher::is_full(WorkerId id) const noexcept {
  const WorkerProcess* const process = find(id);
  return process != nullptr && process->is_full();
}

void ProcessLauncher::ask_to_report_busy(WorkerId id, unsigned permille) noexcept {
  static_cast<void>(say(id, control::ReportBusy{permille}));
}

const Generation* ProcessLauncher::generation_of(WorkerId id) const noexcept {
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? nullptr : worker->second.generation.get();
}

std::optional<std::uint64_t> ProcessLauncher::connections() const noexcept {
  Counters sum;
  for (const auto& [id, worker] : workers_) sum += worker.process->counters();
  return sum.counts ? std::optional(sum.connections) : std::nullopt;
}

}  // namespace preforkd
