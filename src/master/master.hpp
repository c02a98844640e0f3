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
#include "master/report/worker_store.hpp"
#include "master/scale/scaler.hpp"
#include "master/sockets/listen_sockets.hpp"
#include "master/sockets/listen_watch.hpp"
#include "master/succession/image_writer.hpp"
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
  [[nodiscard]] Counters totals() const override;
  [[nodiscard]] NamedCounts named_totals() const override;
  [[nodiscard]] std::vector<ListenerView> listeners() const override;
  [[nodiscard]] unsigned adopted_workers() const override { return adopted_; }
  [[nodiscard]] std::vector<std::string> unapplied() const override;
  void reload(const std::string& who, ReloadCallback done) override;
  [[nodiscard]] tl::expected<ReloadPlan, ReloadResult> plan() const override { return reloader_.plan(); }
  [[nodiscard]] bool resize(unsigned workers, const std::string& who) override;
  [[nodiscard]] bool unpin(const std::string& who) override;
  [[nodiscard]] bool recycle(unsigned slot, const std::string& who) override;
  [[nodiscard]] bool recycle_all(const std::string& who) override;
  [[nodiscard]] bool rebalance(const std::string& who) override;
  [[nodiscard]] bool kill(unsigned slot, int signal, const std::string& who) override;
  void upgrade(const std::string& who, UpgradeCallback done) override;

  // Goes on with the workers of an earlier master.
  void adopt(Predecessor& predecessor);
  void take_over_store(const std::vector<std::string>& names);
  void begin_pool();
  // What comes next begins when systemd has got all messages.
  [[nodiscard]] bool waits_for_notifier() const noexcept { return leaves_workers_ || clears_store_ || upgrades_to_; }
  // Makes the image of the pool current, and has systemd keep what it says.
  void write_image();
  // Empty if nothing is in the way.
  [[nodiscard]] std::string why_no_upgrade() const;
  void on_successor_tried(const Result<std::string>& version);
  void execute_successor();
  [[nodiscard]] std::map<int, std::string> descriptors_for_successor() const;

  void give_up_if_hopeless(const ExitStatus& status);
  [[nodiscard]] bool died_of_oom(WorkerId id, const ExitStatus& status);

  void check_user() const;
  // Logs which limits leave no room for all workers.
  void check_room() const;
  // What a reload could not do, with the command that does; empty if there is nothing.
  [[nodiscard]] std::string left_undone() const;
  void watch_signals();
  void stop(const std::string& why);
  void drain(const std::string& why);
  // A stop of the service may be the first half of a restart. Then the workers stay, and the next master replaces them.
  [[nodiscard]] bool may_be_restarted() const noexcept;
  void ask_whether_restarted(const std::string& why);
  [[nodiscard]] bool next_can_adopt(const UnitJobs& jobs) const;
  void leave_workers();
  void hang_up();
  void leave_idle();
  void begin_stop();
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
  // The last worker has ended, and so has everything else in the service's control group.
  [[nodiscard]] bool all_gone();
  // systemd has got the word that it need not keep anything of workers.
  [[nodiscard]] bool store_cleared();
  // It is decided whether the stored sockets are kept.
  [[nodiscard]] bool sockets_left();

  [[nodiscard]] std::string pool_name() const;  // pool "echo"

  const std::string user_;            // the user this runs as
  const PoolConfig config_of_units_;  // what systemd's units said when this was started; without its program
  MasterRecord record_;
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
  ImageWriter image_;
  WorkerStore worker_store_;
  Upgrade upgrade_;
  Reloader reloader_;
  Scaler scaler_;
  ControlPlane control_plane_;
  StatusFeed status_feed_;
  EventSource deadline_timer_;
  EventSource measure_timer_;
  EventSource proof_timer_;
  EventSource clear_timer_;
  EventSource after_each_;
  Sweep sweep_;
  std::vector<EventSource> signals_;

  bool continues_ = false;                 // where an earlier master was
  bool upgraded_in_place_ = false;         // and that was this process
  std::vector<event::WorkerExited> lost_;  // workers of an earlier master whose descriptors are gone
  bool replaces_adopted_ = false;          // by a reload, after a restart
  bool asks_if_restarted_ = false;
  bool leaves_workers_ = false;  // to the next master
  bool clears_store_ = false;    // at the end, when none is left
  bool waited_for_store_ = false;
  unsigned adopted_ = 0;                    // workers
  bool image_failed_ = false;               // and so no master can go on after this one
  UpgradeCallback upgrade_done_;            // of the upgrade in progress
  std::optional<std::string> upgrades_to_;  // the version that will be executed at the end of this turn
  Totals totals_;                           // what workers that have ended had counted
  std::optional<Instant> armed_;
  std::uint64_t settled_ = 0;  // pool_.steps() at the last settle()
  bool news_ = false;          // something else has happened since then that settle() must act on
  PoolState shown_state_ = PoolState::starting;
  bool any_executed_ = false;
  std::set<std::pair<unsigned, std::size_t>> told_changed_;  // the changed files already logged: generation, file
  std::string stale_;                                        // the text about that in the status
  bool started_ = false;                                     // READY=1 was sent
  Instant told_to_stop_at_{};
  Instant extended_until_{};  // systemd waits until then at least
  bool swept_ = false;        // after the last worker had ended
  bool asked_for_socket_jobs_ = false;
  std::optional<bool> socket_jobs_;  // systemd's answer
  bool reloading_ = false;           // RELOADING=1 was sent, READY=1 is still to follow
  std::string hopeless_;             // why no worker will ever run; empty: they run, or may
};

}  // namespace preforkd
