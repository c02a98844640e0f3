// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <optional>
#include <stdexcept>
#include <string>

#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/notify_message.hpp"
#include "master/process/notify_socket.hpp"
#include "master/process/spawn.hpp"
#include "wire/control_channel.hpp"
#include "wire/stats_page.hpp"

namespace preforkd {

// Told what worker processes do. Called from the event loop only.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  virtual void on_worker_executed(WorkerId id) = 0;  // its execve took place
  virtual void on_worker_notified(WorkerId id, const NotifyMessage& message) = 0;
  // The last call for this worker, after all that it sent before. Its WorkerProcess is still there during the call.
  virtual void on_worker_gone(WorkerId id, const ExitStatus& status) = 0;
};

// One worker process and the master's ends of what connects the two: pidfd, notify socket, control channel, stats page.
// Destroying it leaves a process that still runs alone, which then sees the end of its lifeline.
class WorkerProcess {
 public:
  // Makes the worker's ends; there is no process yet. Throws std::system_error or LaunchError.
  WorkerProcess(EventLoop& loop, WorkerId id, std::string label, std::string notify_path, WorkerObserver& observer);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] int control_end() const noexcept { return channel_.worker_end.get(); }
  [[nodiscard]] int stats_memfd() const noexcept { return stats_memfd_.get(); }
  [[nodiscard]] const std::string& notify_path() const noexcept { return notify_socket_.path(); }

  // Starts the process and gives up the worker's ends. Throws std::system_error or LaunchError; then there is no
  // process.
  void start(const SpawnPlan& plan);

  void signal(int signal) noexcept;
  [[nodiscard]] bool was_sent_sigkill() const noexcept { return was_sent_sigkill_; }

  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  // Its counters; null if it does not count (no libprefork).
  [[nodiscard]] const StatsPage* stats() const noexcept;
  [[nodiscard]] const std::string& status_text() const noexcept { return status_text_; }        // its last STATUS=
  [[nodiscard]] std::optional<int> reported_error() const noexcept { return reported_error_; }  // its last ERRNO=

 private:
  void watch_process();
  void on_report();
  void on_message();
  void on_exit();
  // False once the queue is empty.
  bool take_message();
  void log_unusable(const std::string& reason);
  [[nodiscard]] ExitStatus reap() noexcept;

  EventLoop& loop_;
  const WorkerId id_;
  const std::string label_;  // "worker 1", for the log
  WorkerObserver& observer_;
  ControlChannel channel_;
  UniqueFd stats_memfd_;
  StatsMapping stats_;
  NotifySocket notify_socket_;
  UniqueFd report_;
  UniqueFd pidfd_;
  EventSource message_source_;
  EventSource report_source_;
  EventSource exit_source_;
  pid_t pid_ = 0;
  bool was_sent_sigkill_ = false;
  std::optional<ExecReport> exec_failure_;
  std::string status_text_;
  std::optional<int> reported_error_;
  unsigned long unusable_ = 0;  // messages ignored since the last line about them
  Instant next_unusable_line_{};
};

// Why a worker could not be started, before there was a process.
class LaunchError : public std::runtime_error {
 public:
  LaunchError(int error, const std::string& text) : std::runtime_error(text), error_(error) {}
  [[nodiscard]] int error() const noexcept { return error_; }

 private:
  int error_;
};

}  // namespace preforkd
