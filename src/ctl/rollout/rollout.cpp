// SPDX-License-Identifier: MIT
#include "ctl/rollout/rollout.hpp"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/errors.hpp"
#include "ctl/rollout/host_rollout.hpp"
#include "dbus/words.hpp"

namespace preforkd::ctl {
namespace {

[[noreturn]] void refuse(const Host& host, int exit_code, const std::string& reason) {
  throw ExitError(exit_code, host.name() + ": " + reason + "; nothing was changed on any host");
}

}  // namespace

const char* to_string(HostEnd end) noexcept {
  switch (end) {
    case HostEnd::skipped:
      return "skipped";
    case HostEnd::done:
      return "done";
    case HostEnd::failed:
      return "failed";
    case HostEnd::interrupted:
      return "interrupted";
    case HostEnd::untouched:
      break;
  }
  return "untouched";
}

Rollout::Rollout(const Hosts& hosts, const RolloutSettings& settings, HostRecords before, RolloutWorld world)
    : hosts_(hosts), settings_(settings), before_(std::move(before)), world_(std::move(world)) {}

std::vector<HostPlan> Rollout::plan() {
  std::vector<HostPlan> plans;
  for (const auto& host : hosts_) {
    try {
      plans.push_back(plan(*host));
    } catch (const ExitError& error) {
      refuse(*host, error.exit_code(), error.what());
    }
  }
  return plans;
}

HostRecord Rollout::before_of(const Host& host) const {
  const auto found = before_.find(host.name());
  return found == before_.end() ? HostRecord() : found->second;
}

HostPlan Rollout::plan(Host& host) {
  const HostRecord before = before_of(host);
  HostPlan plan{host.look(), {}, false};
  if (const std::string why = why_not(plan.pool, host.name(), before.drained); !why.empty())
    throw ExitError(exit_code::failure, why);
  const bool as_left = before.done && *before.done == PoolMark::of(plan.pool);
  plan.changes = host.plan();  // fails if the config is wrong, with which an upgrade could not restart the pool
  if (settings_.upgrade) {
    const Installed installed = host.installed();  // asked in any case: it shows that commands can be run there
    plan.done = as_left && installed.version == plan.pool.version;
    return plan;
  }
  for (const PlannedChange& change : plan.changes) {
    if (change.needs == dbus::needs::apply || change.needs == dbus::needs::restart)
      throw ExitError(exit_code::failure, "a reload cannot change \"" + change.key + "\"; run preforkctl apply " +
                                              plan.pool.name + " there");
  }
  plan.done = as_left && plan.changes.empty();
  return plan;
}

std::vector<HostResult> Rollout::run(const std::vector<HostPlan>& plan) {
  results_.assign(hosts_.size(), {});
  for (std::size_t index = 0; index < plan.size(); ++index) {
    if (plan[index].done) results_[index] = {HostEnd::skipped, "", false};
  }
  next_ = 0;
  {
    std::vector<std::jthread> others;
    for (unsigned more = 1; more < settings_.parallel; ++more) others.emplace_back([this] { run_some(); });
    run_some();
  }
  return results_;
}

// One host after the other, until none is left or the rollout ends.
void Rollout::run_some() {
  std::unique_lock lock(mutex_);
  for (;;) {
    while (next_ < hosts_.size() && results_[next_].end == HostEnd::skipped) ++next_;
    if (next_ == hosts_.size() || failed_ || world_.stopped()) return;
    const std::size_t index = next_++;
    Host& host = *hosts_[index];
    const HostRollout::World world{.now = world_.now,
                                   .wait = world_.wait,
                                   .stopped =
                                       [this] {
                                         const std::lock_guard guard(mutex_);
                                         return failed_ || world_.stopped();
                                       },
                                   .say =
                                       [&](const std::string& what) {
                                         const std::lock_guard guard(mutex_);
                                         world_.on_progress(host.name(), what);
                                       },
                                   .keep =
                                       [&](const HostRecord& record) {
                                         const std::lock_guard guard(mutex_);
                                         world_.on_record(host.name(), record);
                                       }};
    lock.unlock();
    HostResult result = HostRollout(host, settings_, before_of(host).drained, world).run();
    lock.lock();
    failed_ = failed_ || result.end == HostEnd::failed;
    results_[index] = std::move(result);
  }
}

}  // namespace preforkd::ctl
