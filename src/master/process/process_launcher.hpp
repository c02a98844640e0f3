// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/environment.hpp"
#include "master/process/oom_watch.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/process/worker_groups.hpp"
#include "master/process/worker_process.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// The same for all workers of this master.
struct LaunchSettings {
  bool to_journal = false;  // each worker gets its own journal stream as stdout and stderr; else it inherits ours
  std::optional<rlim_t> soft_open_files;  // RLIMIT_NOFILE's soft limit for workers, where the master changed its own
  bool outlive_master = false;            // a next master adopts them: they get no signal when this one dies
};

// Starts real processes by the worker contract and keeps them as long as they live. It observes the workers, passes on
// their events and then forgets those that have ended.
class ProcessLauncher final : public Launcher, private WorkerObserver {
 public:
  // All references must outlive the launcher. Reads what workers inherit from `environ` now. Throws ExitError.
  ProcessLauncher(EventLoop& loop, const ListenSockets& sockets, RuntimeDirectory& directory, WorkerGroups& groups,
                  Orphans& orphans, LaunchSettings settings, WorkerObserver& observer);
  ProcessLauncher(const ProcessLauncher&) = delete;
  ProcessLauncher& operator=(const ProcessLauncher&) = delete;

  [[nodiscard]] Result<void> start(const Launch& launch) noexcept override;
  void signal(WorkerId id, int signal) noexcept override;
  // Binds the notify paths of those workers again, and logs that they were gone.
  [[nodiscard]] std::vector<WorkerId> unheard() noexcept override;
  void introduce(WorkerId giver, WorkerId taker, std::uint32_t max) noexcept override;
  void dismiss(WorkerId giver) noexcept override;
  void meet(WorkerId one, WorkerId other) noexcept override;
  [[nodiscard]] std::uint64_t load(WorkerId id) const noexcept override;

  // Goes on with a worker of an earlier master, as the constructor of WorkerProcess does. Fails for lack of some
  // resource; then the worker's channel is closed, and it leaves.
  [[nodiscard]] Result<void> adopt(const Launch& launch, const WorkerParts& parts,
                                   WorkerDescriptors descriptors) noexcept;
  // Of all workers.
  [[nodiscard]] std::vector<WorkerParts> parts() const;
  // Those whose notify socket is another one since the last call.
  [[nodiscard]] std::vector<WorkerId> take_renewed() { return std::exchange(renewed_, {}); }

  // Null for a worker that has ended.
  [[nodiscard]] const WorkerProcess* find(WorkerId id) const noexcept;
  // Empty for a worker that has ended.
  [[nodiscard]] WorkerFacts facts(WorkerId id) const;
  // As in WorkerProcess.
  [[nodiscard]] WorkerUsage usage(WorkerId id) const;
  [[nodiscard]] WorkerUsage work_done(WorkerId id, Instant now) const noexcept;
  [[nodiscard]] bool is_full(WorkerId id) const noexcept;
  [[nodiscard]] NamedCounts named_counts(WorkerId id) const;
  // As in OomWatch: nullopt if the kernel does not count for this worker alone.
  [[nodiscard]] std::optional<bool> oom_explains_death(WorkerId id, Instant now) {
    return oom_watch_.explain_death(id, now);
  }
  // It says control::Busy from this share of its time on; 0: no more.
  void ask_to_report_busy(WorkerId id, unsigned permille) noexcept;
  // What it was started with; null for a worker that has ended.
  [[nodiscard]] const Generation* generation_of(WorkerId id) const noexcept;

  // Open connections of all workers that count them; nullopt if none does. Reads every worker's page.
  [[nodiscard]] std::optional<std::uint64_t> connections() const noexcept;

 private:
  struct Forget;
  struct Running {
    std::shared_ptr<const Generation> generation;
    std::unique_ptr<WorkerProcess> process;
    unsigned slot = 0;
    bool was_cut_off = false;  // its notify path was gone at some time since the last unheard()
  };

  // Two workers, and the ends of their socket pair that they have not got yet.
  struct Acquaintance {
    WorkerId one{};
    WorkerId other{};
    UniqueFd for_one;
    UniqueFd for_other;
  };

  void on_worker_executed(WorkerId id) override;
  void on_worker_file_changed(WorkerId id, std::size_t file) override;
  void on_worker_notified(WorkerId id, const NotifyMessage& message) override;
  void on_worker_said(WorkerId id, const ControlLink::Message& message) override;
  void on_worker_gone(WorkerId id, const ExitStatus& status) override;
  void on_remains_gone(WorkerId id) override;

  void launch(const Launch& launch);
  void watch_oom(WorkerId id);
  // False if the worker has ended or cannot be told now.
  [[nodiscard]] bool say(WorkerId id, const control::Message& message, int fd = -1) noexcept;
  // False: it has to be tried again.
  [[nodiscard]] bool bring_together(Acquaintance& pair) noexcept;
  // The same.
  [[nodiscard]] bool present(WorkerId id, UniqueFd& end, WorkerId to) noexcept;
  [[nodiscard]] bool listens(WorkerId id) const noexcept;
  void meet_owed() noexcept;
  void renew_notify_paths();
  [[nodiscard]] worker_env::Contract contract(const Launch& launch, const WorkerProcess& worker) const;
  [[nodiscard]] SpawnPlan plan(const Launch& launch, const WorkerProcess& worker, int output) const;

  EventLoop& loop_;
  const ListenSockets& sockets_;
  RuntimeDirectory& directory_;
  WorkerGroups& groups_;
  Orphans& orphans_;
  const LaunchSettings settings_;
  const Environment inherited_;
  UniqueFd null_;
  OomWatch oom_watch_;
  WorkerObserver& observer_;
  std::unordered_map<WorkerId, Running> workers_;
  std::vector<WorkerId> renewed_;
  std::list<Acquaintance> owed_;  // some worker does not read its control channel, or there is no descriptor left
  EventSource owed_timer_;
  bool cut_off_for_good_ = false;  // some paths cannot be bound again, and the log says so
};

}  // namespace preforkd
