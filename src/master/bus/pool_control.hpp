// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <tl/expected.hpp>

#include "base/accept_queue.hpp"
#include "master/pool/pool.hpp"
#include "master/process/named_counts.hpp"
#include "master/process/worker_facts.hpp"
#include "master/process/worker_usage.hpp"
#include "master/reload/reload_plan.hpp"
#include "master/reload/reload_result.hpp"

namespace preforkd {

struct ListenerView {
  std::string name;
  std::string address;
  std::optional<AcceptQueue> queue;  // nullopt: the kernel does not report it
};

// A running pool, for what shows and controls it from outside (control_plane.hpp). `who` is logged: "uid 1000".
class PoolControl {
 public:
  virtual ~PoolControl() = default;

  [[nodiscard]] virtual const PoolConfig& config() const = 0;
  [[nodiscard]] virtual const Pool& pool() const = 0;
  [[nodiscard]] virtual std::string status() const = 0;  // as in STATUS=
  [[nodiscard]] virtual WorkerFacts worker_facts(WorkerId id) const = 0;
  [[nodiscard]] virtual WorkerUsage worker_usage(WorkerId id) const = 0;
  [[nodiscard]] virtual NamedCounts named_counts(WorkerId id) const = 0;
  [[nodiscard]] virtual Counters totals() const = 0;           // with those of workers that have ended
  [[nodiscard]] virtual NamedCounts named_totals() const = 0;  // the same
  [[nodiscard]] virtual Duration busy_time() const = 0;        // the same, of WorkerUsage::busy
  [[nodiscard]] virtual std::vector<ListenerView> listeners() const = 0;
  [[nodiscard]] virtual unsigned adopted_workers() const = 0;  // that this process had from an earlier master
  [[nodiscard]] virtual bool drained() const = 0;
  // The parts of the config that need a restart of systemd's units: "listen 127.0.0.1:81", "user".
  [[nodiscard]] virtual std::vector<std::string> unapplied() const = 0;

  virtual void reload(const std::string& who, ReloadCallback done) = 0;
  [[nodiscard]] virtual tl::expected<ReloadPlan, ReloadResult> plan() const = 0;
  // As in Pool.
  [[nodiscard]] virtual bool resize(unsigned workers, const std::string& who) = 0;
  [[nodiscard]] virtual bool unpin(const std::string& who) = 0;
  [[nodiscard]] virtual bool recycle(unsigned slot, const std::string& who) = 0;
  [[nodiscard]] virtual bool recycle_all(const std::string& who) = 0;
  [[nodiscard]] virtual bool rebalance(const std::string& who) = 0;
  // False: the pool stops.
  [[nodiscard]] virtual bool set_drained(bool drained, const std::string& who) = 0;
  [[nodiscard]] virtual bool kill(unsigned slot, int signal, const std::string& who) = 0;
  // Executes preforkd again in the same process, maybe a newer version. `done` gets the version that is about to go on
  // with the workers, or why that cannot be. Called once.
  using UpgradeCallback = std::function<void(const Result<std::string>& version)>;
  virtual void upgrade(const std::string& who, UpgradeCallback done) = 0;
};

}  // namespace preforkd
