// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/errors.hpp"
#include "base/unique_fd.hpp"
#include "master/base/event_loop.hpp"
#include "master/pool/worker_types.hpp"
#include "master/process/control_link.hpp"
#include "master/process/named_counts.hpp"
#include "master/process/notify_inbox.hpp"
#include "master/process/notify_message.hpp"
#include "master/process/notify_socket.hpp"
#include "master/process/orphans.hpp"
#include "master/process/remains.hpp"
#include "master/process/spawn.hpp"
#include "master/process/worker_facts.hpp"
#include "master/process/worker_groups.hpp"
#include "master/process/worker_parts.hpp"
#include "master/process/worker_usage.hpp"
#include "wire/control_channel.hpp"
#include "wire/stats_page.hpp"

namespace preforkd {

// Receives the events of worker processes. Called from the event loop only.
class WorkerObserver {
 public:
  virtual ~WorkerObserver() = default;
  virtual void on_worker_executed(WorkerId id) = 0;  // its execve succeeded
  // PoolConfig::files[file] of what it is started with has changed, and maybe others have.
  virtual void on_worker_file_changed(WorkerId id, std::size_t file) = 0;
  virtual void on_worker_notified(WorkerId id, const NotifyMessage& message) = 0;
  // On its control channel; if it has ended: one of its processes that are left.
  virtual void on_worker_said(WorkerId id, const ControlLink::Message& message) = 0;
  // Its first process has ended; comes after all that it sent before. Its WorkerProcess still exists during the call.
  // The last call for this worker, unless WorkerProcess::remains(): then on_worker_said may follow.
  virtual void on_worker_gone(WorkerId id, const ExitStatus& status) = 0;
  // No process of it is left.
  virtual void on_remains_gone(WorkerId id) = 0;
};

// One worker process and the master's ends of its connections: pidfd, notify socket, control channel, stats page.
// Destroying it does not end the process, which then sees the end of its lifeline.
class WorkerProcess {
 public:
  // Makes the worker's ends; there is no process yet. `group`: null if it has none of its own. Throws
  // std::runtime_error.
  WorkerProcess(EventLoop& loop, WorkerId id, std::string label, std::string notify_path, WorkerObserver& observer,
                Orphans& orphans, std::unique_ptr<WorkerGroup> group = nullptr);
  // Goes on with the process of an earlier master. If that is dead or not to be found any more, its end is reported
  // from the event loop, as always after all that it sent before; its status is then often unknown. Whether its program
  // could be executed was to be reported to the earlier master: if that has not heard it, it counts as executed. Throws
  // std::runtime_error.
  WorkerProcess(EventLoop& loop, WorkerId id, std::string label, const WorkerParts& parts,
                WorkerDescriptors descriptors, WorkerObserver& observer, Orphans& orphans,
                std::unique_ptr<WorkerGroup> group = nullptr);
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;

  [[nodiscard]] int control_end() const noexcept { return channel_.worker_end.get(); }
  [[nodiscard]] int stats_memfd() const noexcept { return stats_memfd_.get(); }
  [[nodiscard]] const std::string& notify_path() const noexcept { return inbox_.path(); }

  // What a next master must know and get. The descriptors are borrowed; an end that the worker has closed is -1.
  [[nodiscard]] WorkerParts parts() const;
  struct Descriptors {
    int control = -1;
    int notify = -1;
    int stats = -1;
  };
  [[nodiscard]] Descriptors descriptors() const noexcept { return {link_.fd(), inbox_.fd(), stats_memfd_.get()}; }

  // Starts the process, in its group, and closes the worker's ends. Throws std::runtime_error; then there is no
  // process.
  void start(SpawnPlan plan);

  // Sends a signal to its first process while that lives; SIGKILL, and any signal to its remains, go to all of its
  // processes.
  void signal(int signal) noexcept;
  // Sends it to all of its processes: to those in its control group, else in the process group of the first one. These
  // count as told when only they remain.
  void signal_all(int signal) noexcept;
  // The processes left after its first process has ended; null if there are none.
  [[nodiscard]] const Remains* remains() const noexcept { return remains_.get(); }

  // Whether notify_path() leads to its socket; it may have been removed.
  [[nodiscard]] bool is_reachable() const noexcept { return inbox_.is_reachable(); }
  // Binds notify_path() again. Throws std::system_error.
  void renew_notify_path() { inbox_.renew(); }
  // On its control channel, as ControlLink::send.
  [[nodiscard]] bool say(const control::Message& message, int fd = -1) noexcept { return link_.send(message, fd); }
  [[nodiscard]] bool was_sent_sigkill() const noexcept { return was_sent_sigkill_; }

  // It has sent READY=1, by its statistics page: an earlier master may have died with the message. False for programs
  // without libprefork.
  [[nodiscard]] bool says_ready() const noexcept;
  [[nodiscard]] pid_t pid() const noexcept { return pid_; }
  [[nodiscard]] Counters counters() const noexcept;
  [[nodiscard]] NamedCounts named_counts() const;
  // As in Counters. Cheaper.
  [[nodiscard]] std::uint64_t open_connections() const noexcept;
  [[nodiscard]] WorkerFacts facts() const;
  // Its busy time, its CPU time, its connections and whether it is full, and nothing else: cheaper than usage().
  [[nodiscard]] WorkerUsage work_done(Instant now) const noexcept;
  // As in WorkerUsage. Cheaper still.
  [[nodiscard]] bool is_full() const noexcept;
  // All of it, read from the kernel at most every tenth of a second, since callers ask for one value after the other.
  // Nothing once it has ended.
  [[nodiscard]] const WorkerUsage& usage() const;
  // Once its end is reported; nothing for a program that was never executed.
  [[nodiscard]] const LifetimeUsage& used() const noexcept { return used_; }
  // Its control group; null if it has none of its own.
  [[nodiscard]] const GroupFolder* group() const noexcept { return group_ ? &group_->folder() : nullptr; }

 private:
  [[nodiscard]] Duration cpu_time() const noexcept;
  // Reads the page. Returns it; null if the program does not count (no libprefork).
  [[nodiscard]] const StatsPage* read_stats(StatsPage& page) const noexcept;
  void watch_process();
  void find_process();
  [[nodiscard]] bool is_recorded() const;
  void on_adopted();
  // Its number means it and its process group: it was not reaped.
  [[nodiscard]] bool holds_number() const noexcept;
  void on_report();
  void on_exit();
  void on_received(const NotifySocket::Received& received);
  [[nodiscard]] std::vector<ProcessName> mark_told(std::vector<ProcessName> processes) const;
  void look_for_remains();
  void look_in_group();
  void look_in_session();
  void on_remains_gone();
  void log_unusable(const char* kind, const std::string& reason);
  void reap();
  void reap_later();
  void ask_for_status();
  void end(const ExitStatus& status);

  EventLoop& loop_;
  const WorkerId id_;
  const std::string label_;  // "worker 1", for the log
  WorkerObserver& observer_;
  Orphans& orphans_;
  ControlChannel channel_;
  UniqueFd stats_memfd_;
  ControlLink link_;
  NotifyInbox inbox_;
  UniqueFd report_;
  UniqueFd pidfd_;
  EventSource report_source_;
  EventSource exit_source_;
  EventSource reap_timer_;  // for a dead worker that its tracer or its parent has not reaped
  EventSource adopted_;     // its first turn in this master
  Duration reap_delay_{};
  const std::unique_ptr<WorkerGroup> group_;
  std::uint64_t told_at_ = 0;  // when signal_all() was called, as ProcessStat::started; 0: it was not
  std::unique_ptr<Remains> remains_;
  std::string directory_;  // in which it was started
  pid_t pid_ = 0;
  std::uint64_t started_ = 0;  // as in WorkerParts
  bool is_child_ = true;       // else its parent reaps it, at any time
  bool reaped_ = false;        // by this master or, if it is not a child, taken for that
  bool is_counted_ = false;    // its end was reported with its counters, which count no more
  bool was_sent_sigkill_ = false;
  mutable WorkerUsage usage_;
  mutable std::optional<Instant> usage_read_at_;
  LifetimeUsage used_;
  std::optional<ExecReport> exec_failure_;
  std::string status_text_;
  std::optional<int> reported_error_;
  unsigned long unusable_ = 0;  // messages ignored since the last line about them
  Instant next_unusable_line_{};
};

}  // namespace preforkd
