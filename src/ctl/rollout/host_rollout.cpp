// SPDX-License-Identifier: MIT
#include "ctl/rollout/host_rollout.hpp"

#include "base/counted.hpp"
#include "base/errors.hpp"
#include "dbus/words.hpp"
#include "pools/bus/failure_text.hpp"

namespace preforkd::ctl {
namespace {

bool is_fit(const PoolSnapshot& pool) {
  return pool.state == dbus::state::running && pool.ready_workers >= pool.target_workers;
}

// "is degraded (2/3 workers ready)".
std::string condition(const PoolSnapshot& pool) {
  return "is " + pool.state + " (" + std::to_string(pool.ready_workers) + '/' + std::to_string(pool.target_workers) +
         " workers ready)";
}

[[noreturn]] void fail(const std::string& reason) { throw ExitError(exit_code::failure, reason); }

}  // namespace

std::string why_not(const PoolSnapshot& pool, const std::string& host, bool left_drained) {
  if (left_drained && pool.drained) return "";
  if (!is_fit(pool)) return "the pool " + condition(pool);
  if (!pool.drained) return "";
  return "the pool is drained, by an operator or another rollout; \"preforkctl -H " + host + " undrain " + pool.name +
         "\" ends that";
}

HostResult HostRollout::run() {
  try {
    begin();
    drain();
    if (!wait_until_drained()) {
      host_.set_drained(before_.drained);
      world_.keep({before_.drained, std::nullopt});
      world_.say("nothing was changed");
      return {HostEnd::interrupted, "nothing was changed", before_.drained};
    }
    act();
    check();
    step("undrain", "ends its drain");
    host_.set_drained(false);
    world_.keep({false, std::nullopt});  // from now on a drain is another one's
    soak();
    world_.keep({false, PoolMark::of(after_)});
    world_.say("done");
    return {HostEnd::done, "", false};
  } catch (const std::exception& error) {
    return failure(error.what());
  }
}

void HostRollout::step(const char* name, const std::string& what) {
  step_ = name;
  world_.say(what);
}

void HostRollout::begin() {
  step_ = "look";
  before_ = host_.look();
  if (const std::string why = why_not(before_, host_.name(), left_drained_); !why.empty()) fail(why);
}

// The record comes first: if this process dies, the next rollout knows whose drain it is.
void HostRollout::drain() {
  step("drain", "drains");
  touched_ = true;
  world_.keep({true, std::nullopt});
  host_.set_drained(true);
}

// Load balancers ask from time to time, so a pool without connections may still get some. With connections that stay,
// the act comes at the end of drain_timeout: it drains its workers itself.
bool HostRollout::wait_until_drained() {
  const Time begin = world_.now();
  std::optional<std::uint64_t> told;
  for (;;) {
    if (world_.stopped()) return false;
    const PoolSnapshot now = look();
    const auto span = world_.now() - begin;
    const std::uint64_t open = now.counters.counts ? now.counters.connections : 0;
    if (span >= settings_.drain_wait && (open == 0 || span >= settings_.drain_timeout)) {
      if (open > 0) world_.say(counted(open, "connection") + " left after the drain");
      return true;
    }
    if (span >= settings_.drain_wait && told != open) {
      told = open;
      world_.say(counted(open, "connection") + " left");
    }
    world_.wait();
  }
}

void HostRollout::act() {
  if (settings_.upgrade) {
    step("upgrade", "upgrades the package");
    package_ = host_.installed().package;
    return host_.upgrade();
  }
  step("reload", "reloads");
  try {
    host_.reload();
  } catch (const ExitError& error) {
    if (error.exit_code() != exit_code::unavailable) throw;
    lost_ = error.what();
  }
}

// A pool that reloads or starts has its own time limits; any other is given check_timeout, and so is one that systemd
// starts again and again, each time as another process.
void HostRollout::check() {
  if (settings_.upgrade) {
    step("check", "checks");
    installed_ = host_.installed();
  }
  Time quiet_since = world_.now();
  std::optional<std::uint32_t> starter;
  for (;; world_.wait()) {
    const std::optional<PoolSnapshot> now = look_again();
    const bool starts = now && now->state == dbus::state::starting;
    const bool busy = starts || (now && now->state == dbus::state::reloading);
    if (starts && !starter) starter = now->main_pid;
    if (busy && (!starts || now->main_pid == starter)) quiet_since = world_.now();
    if (now && !busy && acted(*now) && is_fit(*now)) {
      after_ = *now;
      world_.say("preforkd " + now->version + ", generation " + std::to_string(now->generation) + ", " +
                 counted(now->ready_workers, "worker") + " ready");
      return;
    }
    if (world_.now() - quiet_since < settings_.check_timeout) continue;
    const std::string within = " within " + format_time_span(settings_.check_timeout);
    if (!now) fail("the pool is not running again" + within);
    if (!acted(*now)) {
      fail("the pool runs preforkd " + now->version + " and not the installed " + installed_.version + within +
           "; see the output of the package's installation, and preforkctl logs there");
    }
    fail("the pool " + condition(*now) + within);
  }
}

// The pool is not on the bus for a moment if somebody upgrades its master in place.
PoolSnapshot HostRollout::look() {
  constexpr auto moment = std::chrono::seconds(5);
  for (const Time begin = world_.now();; world_.wait()) {
    try {
      return host_.look();
    } catch (const ExitError& error) {
      if (error.exit_code() != exit_not_running || world_.now() - begin >= moment) throw;
    }
  }
}

// During the restart that follows an upgrade the pool is not on the bus.
std::optional<PoolSnapshot> HostRollout::look_again() {
  try {
    return host_.look();
  } catch (const ExitError& error) {
    if (!settings_.upgrade || error.exit_code() == exit_code::not_allowed) throw;
    return std::nullopt;
  }
}

bool HostRollout::acted(const PoolSnapshot& now) const { return settings_.upgrade ? upgraded(now) : reloaded(now); }

// A master that has taken the place of a dead one knows of none.
bool HostRollout::reloaded(const PoolSnapshot& now) const {
  if (now.last_reload.at == before_.last_reload.at || now.last_reload.at == 0)
    fail("the reload did not come to its end" + (lost_.empty() ? "" : ": " + lost_));
  if (!now.last_reload.ok) fail(now.last_reload.message);
  return true;
}

// A restart keeps the workers, and reloads the pool so that all are new. The result is in its journal, too. Without a
// restart there was nothing to upgrade.
bool HostRollout::upgraded(const PoolSnapshot& now) const {
  const bool restarted = now.main_pid != before_.main_pid;
  if (restarted && now.last_reload.at != 0 && !now.last_reload.ok) fail(now.last_reload.message);
  if (restarted && now.adopted_workers > 0 && now.last_reload.at == 0) return false;
  return now.version == installed_.version && (restarted || installed_.package == package_);
}

// A stop of the rollout cuts it short: the host is as it should be.
void HostRollout::soak() {
  if (settings_.soak.count() == 0) return;
  step("soak", "soaks for " + format_time_span(settings_.soak));
  const Time begin = world_.now();
  while (world_.now() - begin < settings_.soak && !world_.stopped()) {
    world_.wait();
    const PoolSnapshot now = look();
    if (now.crashes > after_.crashes)
      fail(counted(now.crashes - after_.crashes, "worker") + " failed; \"preforkctl -H " + host_.name() + " why " +
           now.name + "\" shows why");
    if (now.last_reload.at != after_.last_reload.at && now.last_reload.at != 0 && !now.last_reload.ok)
      fail("a later reload failed: " + now.last_reload.message);
    if (now.state == dbus::state::degraded || now.state == dbus::state::stopping) fail("the pool " + condition(now));
  }
}

bool HostRollout::serves_as_before(const PoolSnapshot& now) const {
  return is_fit(now) && now.version == before_.version && now.generation == before_.generation;
}

// Puts the host back in rotation if its pool is as it was, and out of it otherwise.
HostResult HostRollout::failure(const std::string& reason) {
  HostResult result{HostEnd::failed, step_ + ": " + reason, std::nullopt};
  try {
    if (touched_) {
      const bool drained = before_.drained || !serves_as_before(host_.look());
      host_.set_drained(drained);
      world_.keep({drained, std::nullopt});
      result.drained = drained;
    } else if (!before_.state.empty()) {
      result.drained = before_.drained;
    }
  } catch (const std::exception&) {
    // The host does not answer, or does not allow it: the reason says so.
  }
  world_.say("failed: " + result.message);
  return result;
}

}  // namespace preforkd::ctl
