// SPDX-License-Identifier: MIT
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/environment.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/process/worker_process.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// What is the same for all workers of this master.
struct LaunchSettings {
  bool to_journal = false;  // each worker gets journal streams of its own as stdout and stderr; else it inherits ours
  bool die_with_master = false;           // workers get their stop signal when the master dies (PR_SET_PDEATHSIG)
  std::optional<rlim_t> soft_open_files;  // RLIMIT_NOFILE's soft limit for workers, where the master changed its own
};

// Starts real processes by the worker contract and keeps them as long as they live.
class ProcessLauncher final : public Launcher {
 public:
  // All that is referred to must outlive the launcher. Takes what workers inherit from `environ` as it is now. Throws
  // StartupError.
  ProcessLauncher(EventLoop& loop, const ListenSockets& sockets, RuntimeDirectory& directory, LaunchSettings settings,
                  WorkerObserver& observer);
  ProcessLauncher(const ProcessLauncher&) = delete;
  ProcessLauncher& operator=(const ProcessLauncher&) = delete;
  ~ProcessLauncher() override;

  [[nodiscard]] int start(const Launch& launch) noexcept override;
  void signal(WorkerId id, int signal) noexcept override;

  // Why the last start() failed, as a phrase.
  [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

  // Both are null for a worker that is gone.
  [[nodiscard]] const WorkerProcess* find(WorkerId id) const noexcept;
  [[nodiscard]] const PoolConfig* config_of(WorkerId id) const noexcept;  // what it was started with

  // Open connections of all workers that count them; nullopt if none does. Looks at every worker.
  [[nodiscard]] std::optional<std::uint64_t> connections() const noexcept;

 private:
  class Exits;
  struct Running {
    std::shared_ptr<const Generation> generation;
    std::unique_ptr<WorkerProcess> process;
  };

  void launch(const Launch& launch);
  [[nodiscard]] worker_env::Contract contract(const Launch& launch, const WorkerProcess& worker) const;
  [[nodiscard]] SpawnPlan plan(const Launch& launch, const WorkerProcess& worker, int output) const;

  EventLoop& loop_;
  const ListenSockets& sockets_;
  RuntimeDirectory& directory_;
  const LaunchSettings settings_;
  const Environment inherited_;
  UniqueFd null_;
  std::unique_ptr<Exits> exits_;
  std::map<WorkerId, Running> workers_;
  std::string failure_;
};

}  // namespace preforkd
