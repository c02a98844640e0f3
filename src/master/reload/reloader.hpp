// SPDX-License-Identifier: MIT
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "config/config.hpp"
#include "master/pool/pool.hpp"
#include "master/reload/reload_plan.hpp"
#include "master/reload/reload_result.hpp"
#include "master/sockets/listen_sockets.hpp"

namespace preforkd {

// Carries out reloads, for SIGHUP and for callers on the bus. One is a transaction over three things: the live config,
// the listening sockets, and the pool's workers.
//
//   read    the config again, from file and command line; a bad one ends it
//   plan    what differs, and what that needs (reload_plan.hpp)
//   bind    new addresses; one that cannot be bound ends it
//   roll    the pool replaces its workers (rollout.hpp), or takes over the config alone
//   commit  the sockets that are no longer listed are closed, the config is the live one;
//           or abort: the new addresses are closed, and nothing has changed
//
// A reload during a reload supersedes it, if its own config can be read and bound: a bad one changes nothing, and lets
// the running one continue.
class Reloader final : public PoolObserver {
 public:
  struct Callbacks {
    bool to_journal = false;                             // workers write to the journal
    std::function<int(WorkerId)> pid_of;                 // 0: not known
    std::function<void()> on_config;                     // called after config() has changed
    std::function<std::string()> left_undone;            // ReloadResult's, for the present config()
    std::function<void(const ReloadResult&)> on_result;  // of each reload, before its caller gets it
  };

  // `config` was read from `source`, and the pool was started with it. Borrows sockets and pool; must be added to the
  // pool's observers.
  Reloader(ConfigSource source, std::shared_ptr<const PoolConfig> config, ListenSockets& sockets, Pool& pool,
           Callbacks callbacks);

  // Begins a reload. `done` is called once, from settle(), never from here.
  void reload(ReloadCallback done);

  // What a reload would change, or why it would not begin. Changes nothing.
  [[nodiscard]] tl::expected<ReloadPlan, ReloadResult> plan() const;

  // Logs the reloads that have ended and answers their callers; after a success it does so once no older version
  // accepts connections. Call it after each turn of the loop.
  void settle();

  // A reload runs, or has ended and settle() has not reported it.
  [[nodiscard]] bool busy() const noexcept { return !running_.empty() || !ended_.empty(); }

  // The live config.
  [[nodiscard]] const PoolConfig& config() const noexcept { return *config_; }

 private:
  struct Running {
    std::shared_ptr<const PoolConfig> config;
    ReloadCallback done;
  };

  void on_reload_finished(const ReloadFinished& finished) override;

  [[nodiscard]] PlannedPool planned_pool() const;
  [[nodiscard]] tl::expected<PoolConfig, ReloadResult> read() const;
  [[nodiscard]] ReloadResult refused(ReloadEnd end, std::vector<std::string> reasons) const;
  void abort(const PoolConfig& failed);
  void commit(std::shared_ptr<const PoolConfig> config);

  const ConfigSource source_;
  std::shared_ptr<const PoolConfig> config_;
  ListenSockets& sockets_;
  Pool& pool_;
  const Callbacks callbacks_;
  std::deque<Running> running_;  // two at the moment when the second supersedes the first
  std::deque<std::pair<ReloadResult, ReloadCallback>> ended_;
};

}  // namespace preforkd
