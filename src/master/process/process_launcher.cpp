// SPDX-License-Identifier: MIT
#include "master/process/process_launcher.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syslog.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <cerrno>
#include <exception>
#include <new>
#include <system_error>
#include <utility>

#include "base/errors.hpp"
#include "wire/worker_env.hpp"

namespace preforkd {

namespace {

// What systemd.exec(5) gives a service as JOURNAL_STREAM, so that a program knows its stderr for the journal.
std::string stream_name(int fd) {
  struct stat there {};
  if (fstat(fd, &there) != 0) return "";
  return std::to_string(there.st_dev) + ":" + std::to_string(there.st_ino);
}

}  // namespace

// Stands between the workers and the observer to forget a worker once its end was reported.
class ProcessLauncher::Exits final : public WorkerObserver {
 public:
  Exits(ProcessLauncher& launcher, WorkerObserver& observer) : launcher_(launcher), observer_(observer) {}

  void on_worker_executed(WorkerId id) override { observer_.on_worker_executed(id); }
  void on_worker_notified(WorkerId id, const NotifyMessage& message) override {
    observer_.on_worker_notified(id, message);
  }
  void on_worker_gone(WorkerId id, const ExitStatus& status) override {
    const Forget forget{launcher_, id};
    observer_.on_worker_gone(id, status);
  }

 private:
  struct Forget {
    ProcessLauncher& launcher;
    WorkerId id;
    ~Forget() { launcher.workers_.erase(id); }
  };

  ProcessLauncher& launcher_;
  WorkerObserver& observer_;
};

ProcessLauncher::ProcessLauncher(EventLoop& loop, const ListenSockets& sockets, RuntimeDirectory& directory,
                                 LaunchSettings settings, WorkerObserver& observer)
    : loop_(loop),
      sockets_(sockets),
      directory_(directory),
      settings_(settings),
      inherited_(inherited_environment(environ, !settings.to_journal)),
      null_(open("/dev/null", O_RDWR | O_CLOEXEC)),
      exits_(std::make_unique<Exits>(*this, observer)) {
  if (!null_) throw StartupError(exit_code::os_error, "cannot open /dev/null: " + errno_text(errno));
}

ProcessLauncher::~ProcessLauncher() = default;

int ProcessLauncher::start(const Launch& what) noexcept {
  try {
    errno = 0;
    launch(what);
    return 0;
  } catch (const LaunchError& error) {
    failure_ = error.what();
    return error.error();
  } catch (const std::system_error& error) {
    failure_ = error.what();
    return error.code().value();
  } catch (const std::exception& error) {
    failure_ = error.what();
    return ENOMEM;
  }
}

void ProcessLauncher::launch(const Launch& launch) {
  const PoolConfig& config = *launch.generation->config;
  const auto id = static_cast<unsigned long long>(launch.id);
  directory_.renew();
  auto worker = std::make_unique<WorkerProcess>(loop_, launch.id, "worker " + std::to_string(launch.slot),
                                                directory_.socket_path(id), *exits_);
  UniqueFd stream;
  if (settings_.to_journal) {
    const std::string identifier = config.name + "[" + std::to_string(launch.slot) + "]";
    stream.reset(sd_journal_stream_fd(identifier.c_str(), LOG_INFO, 1));
    // A journal that is just being restarted must not keep a worker from starting.
    if (!stream) stream.reset(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
  }
  worker->start(plan(launch, *worker, stream.get()));
  workers_.emplace(launch.id, Running{launch.generation, std::move(worker)});
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
  contract.control_fd = control_fd;
  contract.stats_fd = control_fd + 1;
  return contract;
}

SpawnPlan ProcessLauncher::plan(const Launch& launch, const WorkerProcess& worker, int output) const {
  const PoolConfig& config = *launch.generation->config;
  Result<Environment> from_files = read_environment_files(config.environment_files);
  if (!from_files) throw LaunchError(errno != 0 ? errno : EINVAL, from_files.error());
  SpawnPlan plan;
  plan.program = config.program.front();
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
  plan.death_signal = settings_.die_with_master ? config.stop_signal : 0;
  plan.soft_open_files = settings_.soft_open_files;
  plan.limits = config.process.limits;
  plan.umask = config.process.umask;
  plan.nice = config.process.nice;
  plan.cpus = affinity_mask(config.process.cpu_affinity, launch.slot, allowed_cpus());
  return plan;
}

void ProcessLauncher::signal(WorkerId id, int signal) noexcept {
  const auto worker = workers_.find(id);
  if (worker != workers_.end()) worker->second.process->signal(signal);
}

const WorkerProcess* ProcessLauncher::find(WorkerId id) const noexcept {
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? nullptr : worker->second.process.get();
}

const PoolConfig* ProcessLauncher::config_of(WorkerId id) const noexcept {
  const auto worker = workers_.find(id);
  return worker == workers_.end() ? nullptr : worker->second.generation->config.get();
}

std::optional<std::uint64_t> ProcessLauncher::connections() const noexcept {
  std::optional<std::uint64_t> sum;
  for (const auto& [id, worker] : workers_) {
    const StatsPage* stats = worker.process->stats();
    if (stats != nullptr) sum = sum.value_or(0) + stats->connections.load(std::memory_order_relaxed);
  }
  return sum;
}

}  // namespace preforkd
