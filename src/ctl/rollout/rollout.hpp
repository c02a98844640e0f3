// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "ctl/rollout/host.hpp"
#include "ctl/rollout/rollout_settings.hpp"

namespace preforkd::ctl {

// What tells one life of a pool's workers from the next.
struct PoolMark {
  std::string version;
  std::uint32_t main_pid = 0;
  std::uint32_t generation = 0;
  std::uint64_t reloaded_at = 0;

  [[nodiscard]] static PoolMark of(const PoolSnapshot& pool) {
    return {pool.version, pool.main_pid, pool.generation, pool.last_reload.at};
  }
  bool operator==(const PoolMark&) const = default;
};

// What a rollout that did not end knows of a host, for the next one.
struct HostRecord {
  bool drained = false;          // the rollout has drained it, and left it so
  std::optional<PoolMark> done;  // how the pool was when it was done
};
using HostRecords = std::map<std::string, HostRecord>;

enum class HostEnd { untouched, skipped, done, failed, interrupted };
[[nodiscard]] const char* to_string(HostEnd end) noexcept;

struct HostResult {
  HostEnd end = HostEnd::untouched;
  std::string message;          // the step that failed and why
  std::optional<bool> drained;  // nullopt: not known
};

// What a rollout would do on a host.
struct HostPlan {
  PoolSnapshot pool;
  std::vector<PlannedChange> changes;  // of a reload
  bool done = false;                   // by the rollout before, and nothing has changed since
};

// The world around a rollout. Called by several threads, but by one at a time; now, wait and stopped by all at once.
struct RolloutWorld {
  std::function<std::chrono::steady_clock::time_point()> now;
  std::function<void()> wait;     // for a moment, before the next look at a pool
  std::function<bool()> stopped;  // the user wants it to end
  std::function<void(const std::string& host, const std::string& what)> on_progress;
  std::function<void(const std::string& host, const HostRecord& record)> on_record;
};

// Reloads or upgrades a pool on one host after the other, so that its clients notice nothing: drain, wait until the
// connections are gone, act, check, end the drain, soak. Stops at the first failure. A host that failed stays drained,
// unless its pool still serves as it did before.
//
// Rejected: all steps of a host as events of one state machine. Each step waits for that host only, so a thread per
// host at a time lets it be read from top to bottom; all that the threads share is the list of hosts.
class Rollout {
 public:
  using Hosts = std::vector<std::unique_ptr<Host>>;

  // Borrows the hosts. `before`: of a rollout that did not end; empty: begins with the first host.
  Rollout(const Hosts& hosts, const RolloutSettings& settings, HostRecords before, RolloutWorld world);

  // Looks at all hosts and changes nothing. Throws ExitError if one of them does not serve as it should, is drained by
  // someone else, or could not be reloaded.
  [[nodiscard]] std::vector<HostPlan> plan();

  // Acts according to the plan. Returns a result for each host.
  [[nodiscard]] std::vector<HostResult> run(const std::vector<HostPlan>& plan);

 private:
  [[nodiscard]] HostRecord before_of(const Host& host) const;
  [[nodiscard]] HostPlan plan(Host& host);
  void run_some();

  const Hosts& hosts_;
  const RolloutSettings settings_;
  const HostRecords before_;
  const RolloutWorld world_;
  std::mutex mutex_;  // what follows, and the calls to the world
  std::vector<HostResult> results_;
  std::size_t next_ = 0;
  bool failed_ = false;
};

}  // namespace preforkd::ctl
