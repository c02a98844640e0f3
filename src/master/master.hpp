// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/control_group.hpp"
#include "config/config.hpp"
#include "master/base/event_loop.hpp"
#include "master/bus/control_plane.hpp"
#include "master/bus/pool_control.hpp"
#include "master/master_start.hpp"
#include "master/pool/alert_policy.hpp"
#include "master/pool/pool.hpp"
#include "master/pool_totals.hpp"
#include "master/process/alert_file.hpp"
#include "master/process/oom_kills.hpp"
#include "master/process/orphans.hpp"
#include "master/process/process_launcher.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/process/sweep.hpp"
#include "master/process/worker_groups.hpp"
#include "master/reload/reloader.hpp"
#include "master/report/listener_store.hpp"
#include "master/report/notifier.hpp"
#include "master/report/pool_log.hpp"
#include "master/report/status_feed.hpp"
#include "master/scale/scaler.hpp"
#include "master/shutdown.hpp"
#include "master/sockets/listen_sockets.hpp"
#include "master/sockets/listen_watch.hpp"
#include "master/succession.hpp"
#include "master/unit_config.hpp"
#include "master/upgrade.hpp"

namespace preforkd {

// One pool with all it needs: opens the sockets, starts the workers, turns signals, D-Bus calls and what processes do
// into the pool's events, and reports to systemd, the log and the message bus.
class Master final : private WorkerObserver, private PoolControl {
 public:
  // Throws ExitError.
  explicit Master(MasterStart start);
  ~Master() override;

  // Runs the pool until a signal stops it and the last worker has ended. Throws ExitError if its program cannot be run.
  void run();

 private:
  void on_worker_executed(WorkerId id) override;
  void on_worker_file_changed(WorkerId id, std::size_t file) override;
  void on_worker_notified(WorkerId id, const NotifyMessage& message) override;
  void on_worker_said(WorkerId id, const ControlLink::Message& message) override;
  void on_worker_gone(WorkerId id, const ExitStatus& status) override;
  void on_remains_gone(WorkerId id) override;

  [[nodiscard]] const PoolConfig& config() const override { return reloader_.config(); }
  [[nodiscard]] const Pool& pool() const override { return pool_; }
  [[nodiscard]] std::string status() const override;
  [[nodiscard]] WorkerFacts worker_facts(WorkerId id) const override { return launcher_.facts(id); }
  [[nodiscard]] WorkerUsage worker_usage(WorkerId id) const override { return launcher_.usage(id); }
  [[nodiscard]] NamedCounts named_counts(WorkerId id) const override { return launcher_.named_counts(id); }
  [[nodiscard]] Counters totals() const override { return totals_.counters(); }
  [[nodiscard]] NamedCounts named_totals() const override { return totals_.named(); }
  [[nodiscard]] Duration busy_time() const override { return totals_.busy(clock_.now()); }
  [[nodiscard]] std::vector<ListenerView> listeners() const override;
  [[nodiscard]] unsigned adopted_workers() const override { return succession_.adopted(); }
  [[nodiscard]] bool drained() const override { return succession_.drained(); }
  [[nodiscard]] std::vector<std::string> unapplied() const override { return units_.unapplied(config(), sockets_); }
  void reload(const std::string& who, ReloadCallback done) override;
  [[nodiscard]] tl::expected<ReloadPlan, ReloadResult> plan() const override { return reloader_.plan(); }
  [[nodiscard]] bool resize(unsigned workers, const std::string& who) override;
  [[nodiscard]] bool unpin(const std::string& who) override;
  [[nodiscard]] bool recycle(unsigned slot, const std::string& who) override;
  [[nodiscard]] bool recycle_all(const std::string& who) override;
  [[nodiscard]] bool rebalance(const std::string& who) override;
  [[nodiscard]] bool set_drained(bool drained, const std::string& who) override;
  [[nodiscard]] bool kill(unsigned slot, int signal, const std::string& who) override;
  void upgrade(const std::string& who, UpgradeCallback done) override;

  // What is in the way of an upgrade; empty: nothing.
  [[nodiscard]] std::string why_no_upgrade() const;
  void execute_successor();

  void give_up_if_hopeless(const ExitStatus& status);
  void log_if_silent(WorkerId id);
  // True. What a caller is told to be done outlives this process, even if it dies before the end of the turn.
  bool keep();
  [[nodiscard]] bool died_of_oom(WorkerId id, const ExitStatus& status);

  // Logs which limits leave no room for all workers.
  void check_room() const;
  // What a reload could not do, with the command that does; empty if there is nothing.
  [[nodiscard]] std::string left_undone() const;
  void watch_signals();
  void hang_up();
  void begin_reload(ReloadCallback done);
  // systemd ends a start and a reload after TimeoutStartSec, a stop after TimeoutStopSec. So each step asks for the
  // time that the workers may take until the next one.
  void extend_timeout();
  void resize_by_one(int by);
  [[nodiscard]] std::string until_unpinned() const;
  void show_table();

  // For "recycle": reports the requests and the memory of its workers to the pool. Runs each second, but only if the
  // config limits either.
  void measure();
  void arm_measure();

  // Runs after each turn of the loop in which something happened: acts on the pool's new state.
  void settle();
  void conclude();
  void settle_start();
  void settle_state();
  void settle_alert();
  void on_config();
  void arm_deadline();
  [[nodiscard]] std::string pool_name() const;  // pool "echo"

  const UnitConfig units_;
  const bool leaves_with_terminal_;
  const std::optional<std::string> service_group_;
  SteadyClock clock_;
  OomKills oom_kills_{oom_count_file(own_control_groups(), control_group_mount)};
  EventLoop loop_;
  Notifier notifier_{loop_};
  ListenSockets sockets_;
  ListenerStore listener_store_{notifier_, sockets_};
  ListenWatch listen_watch_;
  RuntimeDirectory directory_;
  AlertFile alert_file_;
  AlertPolicy alert_;
  WorkerGroups worker_groups_;
  Orphans orphans_;
  ProcessLauncher launcher_;
  PoolLog log_;
  Pool pool_;
  PoolTotals totals_;
  Succession succession_;
  Upgrade upgrade_;
  Reloader reloader_;
  Scaler scaler_;
  ControlPlane control_plane_;
  StatusFeed status_feed_;
  EventSource deadline_timer_;
  EventSource measure_timer_;
  EventSource after_each_;
  Sweep sweep_;
  Shutdown shutdown_;
  std::vector<EventSource> signals_;

  std::optional<Instant> armed_;
  std::uint64_t settled_ = 0;  // pool_.steps() at the last settle()
  bool news_ = false;          // something else has happened since then that settle() must act on
  PoolState shown_state_ = PoolState::starting;
  bool any_executed_ = false;
  std::set<std::pair<unsigned, std::size_t>> told_changed_;  // the changed files already logged: generation, file
  bool told_silent_ = false;  // a worker's slot is too high for it to talk, and the log says so
  std::string stale_;         // the text about that in the status
  bool started_ = false;      // READY=1 was sent
  Instant extended_until_{};  // systemd waits until then at least
  bool reloading_ = false;    // RELOADING=1 was sent, READY=1 is still to follow
  std::string hopeless_;      // why no worker will ever run; empty: they run, or may
};

}  // namespace preforkd
