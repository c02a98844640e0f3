// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/control_group.hpp"
#include "config/config.hpp"
#include "master/base/event_loop.hpp"
#include "master/bus/control_plane.hpp"
#include "master/bus/pool_control.hpp"
#include "master/pool/pool.hpp"
#include "master/pool/pool_observers.hpp"
#include "master/process/oom_kills.hpp"
#include "master/process/process_launcher.hpp"
#include "master/process/runtime_directory.hpp"
#include "master/process_setup.hpp"
#include "master/reload/reloader.hpp"
#include "master/report/notifier.hpp"
#include "master/report/pool_log.hpp"
#include "master/report/status_feed.hpp"
#include "master/sockets/listen_sockets.hpp"
#include "master/sockets/listen_watch.hpp"

namespace preforkd {

// One pool with everything around it: opens the sockets, starts the workers, turns signals into the pool's commands and
// what processes do into its facts, tells systemd, the log and the message bus.
class Master final : private WorkerObserver, private PoolControl {
 public:
  // `config` is what `source` says; a reload reads `source` anew. `bus_address`: empty for no message bus. Throws
  // StartupError.
  Master(ConfigSource source, const PoolConfig& config, const ProcessSetup& setup, const std::string& bus_address);
  ~Master() override;

  // Runs the pool until a signal stops it and the last worker is gone. Returns the exit status.
  int run();

 private:
  Master(ConfigSource source, std::shared_ptr<const PoolConfig> config, const ProcessSetup& setup,
         const std::string& bus_address);

  void on_worker_executed(WorkerId id) override;
  void on_worker_notified(WorkerId id, const NotifyMessage& message) override;
  void on_worker_gone(WorkerId id, const ExitStatus& status) override;

  [[nodiscard]] const PoolConfig& config() const override { return reloader_.config(); }
  [[nodiscard]] const Pool& pool() const override { return pool_; }
  [[nodiscard]] std::string status() const override;
  [[nodiscard]] WorkerFacts worker_facts(WorkerId id) const override;
  [[nodiscard]] Counters totals() const override;
  [[nodiscard]] std::vector<ListenerView> listeners() const override;
  void reload(const std::string& who, ReloadCallback done) override;
  [[nodiscard]] tl::expected<ReloadPlan, ReloadResult> plan() const override { return reloader_.plan(); }
  [[nodiscard]] bool resize(unsigned workers, const std::string& who) override;
  [[nodiscard]] bool recycle(unsigned slot, const std::string& who) override;
  [[nodiscard]] bool recycle_all(const std::string& who) override;
  [[nodiscard]] bool kill(unsigned slot, int signal, const std::string& who) override;

  void give_up_if_hopeless(const ExitStatus& status);
  [[nodiscard]] bool died_of_oom(WorkerId id, const ExitStatus& status);

  void check_user() const;
  void watch_signals();
  void stop(const std::string& why);
  void hang_up();
  void begin_reload(ReloadCallback done);
  // systemd ends a reload that takes longer than TimeoutStartSec: each step asks for the time of the next one.
  void extend_reload();
  void resize_by_one(int by);
  void show_table();

  // For "recycle": tells the pool what its workers have done and hold. Runs each second, but only if the config limits
  // either.
  void measure();
  void arm_measure();

  // Runs after each turn of the loop in which something happened: what follows from the pool's new state.
  void settle();
  void settle_start();
  void settle_state();
  void on_config();
  void arm_deadline();

  [[nodiscard]] ProcessFacts facts(WorkerId id) const;
  [[nodiscard]] std::string pool_name() const;  // pool "echo"

  const bool leaves_with_terminal_;
  SteadyClock clock_;
  OomKills oom_kills_{oom_count_file(own_control_groups(), control_group_mount)};
  EventLoop loop_;
  Notifier notifier_;
  ListenSockets sockets_;
  ListenWatch listen_watch_;
  RuntimeDirectory directory_;
  ProcessLauncher launcher_;
  PoolLog log_;
  PoolObservers observers_;
  Pool pool_;
  Reloader reloader_;
  ControlPlane control_plane_;
  StatusFeed status_feed_;
  EventSource deadline_timer_;
  EventSource measure_timer_;
  EventSource after_each_;
  std::vector<EventSource> signals_;

  Counters gone_;  // what workers that are no more have counted
  std::optional<Instant> armed_;
  bool happened_ = false;  // something that may have changed the pool, since the last settle()
  PoolState shown_state_ = PoolState::starting;
  bool any_executed_ = false;
  bool started_ = false;                // the first `workers` were ready once
  std::optional<Instant> extended_at_;  // of the last extend_reload()
  bool reloading_ = false;              // RELOADING=1 was sent and READY=1 does not follow yet
  int exit_code_ = 0;
};

}  // namespace preforkd
