// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "master/pool/scheduler.hpp"

namespace preforkd {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Process {
  unsigned slot = 0;
  unsigned generation = 0;
  int stop_signal = SIGTERM;
  bool ready = false;
  bool leaving = false;  // told to, by itself, or killed
  bool doomed = false;   // got SIGKILL
  int late = 0;          // how often the scheduler came late since it was ready or killed
  bool recycled = false;
  bool remains = false;  // its first process is gone, others are not …
  bool untold = false;   // … and have not got their signal yet
};

// A scheduler, the processes that it believes to have, and everything that may happen to them. After each step the
// invariants are asserted, most of them on a model that knows only what went in and what came out.
class World {
 public:
  explicit World(unsigned seed) : random_(seed), configs_(4), scheduler_(make_config(), seed) {}

  void run(unsigned steps) {
    step(event::Start{});
    for (unsigned count = 0; count < steps && !::testing::Test::HasFatalFailure(); ++count) random_step();
  }

  // From now on all is well: the pool must come to rest with the newest committed generation, complete.
  void recover() {
    healthy_ = true;
    for (unsigned slot = 0; slot < scheduler_.target(); ++slot) {
      if (scheduler_.roster().has_slot(slot) && scheduler_.roster().slots()[slot].down) {
        EXPECT_TRUE(step(event::Recycle{slot}));
      }
    }
    const Instant bound = now_ + minutes(10);
    while (!at_rest() && now_ < bound && !::testing::Test::HasFatalFailure()) live_on();
    ASSERT_TRUE(at_rest()) << picture();
    ASSERT_EQ(scheduler_.state(), PoolState::running);
    ASSERT_EQ(reloads_asked_, reloads_ended_);
  }

  // Some of the workers ignore their stop signal: it must end all the same.
  void stop() {
    stopping_ = true;
    step(event::Stop{});
    const Instant bound = now_ + minutes(3);
    while (!scheduler_.finished() && now_ < bound && !::testing::Test::HasFatalFailure()) {
      if (!chance(0.5) || !end_a_leaving_process()) sleep_until_deadline();
    }
    ASSERT_TRUE(scheduler_.finished()) << picture();
    ASSERT_TRUE(processes_.empty());
    ASSERT_EQ(scheduler_.state(), PoolState::stopping);
    ASSERT_EQ(scheduler_.next_deadline(), std::nullopt);
    ASSERT_EQ(reloads_asked_, reloads_ended_);
  }

  [[nodiscard]] const std::string& trace() const { return trace_; }

 private:
  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  unsigned pick(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }

  std::shared_ptr<const PoolConfig> make_config() {
    auto config = std::make_shared<PoolConfig>();
    config->workers = {.initial = 1 + pick(5), .min = 1, .max = 8};
    if (configs_ > 0 && chance(0.6) && last_config_) config->workers = last_config_->workers;
    config->start_timeout = seconds(1 + pick(10));
    config->drain_timeout = seconds(1 + pick(30));
    if (chance(0.5)) config->hang_timeout = seconds(1 + pick(20));
    if (chance(0.3)) config->stop_signal = SIGQUIT;
    config->restart.delay = milliseconds(pick(200));
    config->restart.max_delay = seconds(1 + pick(30));
    config->restart.forget_after = seconds(pick(30));
    if (chance(0.2)) config->restart.never = {7};
    if (chance(0.3)) config->recycle.age = seconds(30 + pick(300));
    if (chance(0.5)) config->recycle.requests = 1000;
    if (chance(0.5)) config->recycle.memory = 1000000;
    config->recycle.at_most = pick(4);
    config->reload.max_surge = chance(0.5) ? ReloadConfig{}.max_surge : 0.1 + 0.3 * pick(4);
    if (chance(0.4)) config->reload.max_surge = pick(4);
    if (chance(0.4)) config->reload.max_unavailable = pick(3);
    if (chance(0.5)) config->reload.soak = milliseconds(pick(5000));
    config->reload.max_draining = 1 + pick(2);
    last_config_ = config;
    most_at_most_ = std::max({most_at_most_, config->recycle.at_most, 1U});
    return config;
  }

  // One that would start the same processes as the committed one.
  std::shared_ptr<const PoolConfig> adoptable_config() {
    const auto other = make_config();
    auto config = std::make_shared<PoolConfig>(*config_of_.at(scheduler_.generation()));
    config->workers = other->workers;
    config->restart = other->restart;
    config->recycle = other->recycle;
    config->reload = other->reload;
    return config;
  }

  // Tells the scheduler and checks what came of it.
  bool step(const Event& event) {
    trace_ += to_string(event) + "\n";
    const auto due = scheduler_.next_deadline();
    late_ = due && now_ - *due > Deadlines::tolerance;
    for (auto& [id, process] : processes_) process.late += late_ ? 1 : 0;
    killing_ = std::holds_alternative<event::WorkerWatchdogTrigger>(event) || stopping_;
    target_before_ = scheduler_.target();
    began_before_ = !std::holds_alternative<event::Reload>(event) && scheduler_.state() == PoolState::reloading &&
                    !scheduler_.reload_waits();
    surge_before_ = scheduler_.surge();
    const bool accepted = scheduler_.step(event, now_);
    act();
    check_counters();
    return accepted;
  }

  void act() {
    std::vector<Action> actions;
    std::vector<WorkerId> failed;
    for (;;) {
      scheduler_.take_actions(actions);
      if (actions.empty()) return;
      told_ += actions.size();
      failed.clear();
      for (const Action& action : actions) {
        std::visit([&](const auto& one) { perform(one, failed); }, action);
        if (::testing::Test::HasFatalFailure()) return;
      }
      for (const WorkerId id : failed) scheduler_.step(event::LaunchFailed{id, chance(0.5) ? EAGAIN : ENOMEM}, now_);
    }
  }

  void perform(const Launch& launch, std::vector<WorkerId>& failed) {
    trace_ += "  launch " + text(launch.id) + " slot " + std::to_string(launch.slot) + " generation " +
              std::to_string(launch.generation->number) + "\n";
    ASSERT_FALSE(stopping_);
    ASSERT_TRUE(ids_.insert(launch.id).second) << "an id was used twice";
    config_of_[launch.generation->number] = launch.generation->config;
    check_i2(launch);
    if (!healthy_ && chance(0.05)) {
      failed.push_back(launch.id);
      return;
    }
    processes_[launch.id] = Process{.slot = launch.slot,
                                    .generation = launch.generation->number,
                                    .stop_signal = launch.generation->config->stop_signal};
  }

  void check_i2(const Launch& launch) {
    std::map<unsigned, unsigned> staying;
    std::set<unsigned> draining;
    for (const auto& [id, process] : processes_) {
      if (!process.leaving) ++staying[process.slot];
      if (process.leaving && !process.doomed && process.generation != scheduler_.generation())
        draining.insert(process.generation);
    }
    unsigned pairs = 0;
    for (const auto& [slot, count] : staying) pairs += count > 1 ? 1 : 0;
    const unsigned target = std::max(target_before_, scheduler_.target());
    const unsigned surge = std::max({1U, surge_before_, scheduler_.surge()});
    ASSERT_LT(launch.slot, target);
    ASSERT_LT(staying[launch.slot], 2U) << "I2";
    ASSERT_TRUE(staying[launch.slot] == 0 || pairs < surge) << "I2\n" << picture();
    if (launch.generation->number <= newest_seen_) return;
    newest_seen_ = launch.generation->number;
    // A reload without any surge, or with slots that have unreaped kills, may begin long before it can start a process.
    const ReloadConfig& reload = launch.generation->config->reload;
    if (surge_limit(reload, target) == 0 || began_before_) return;
    ASSERT_LT(draining.size(), std::max(reload.max_draining, 1U)) << "I2: generations\n" << picture();
  }

  void perform(const SendSignal& send, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  signal " + std::to_string(send.signal) + " to " + text(send.id) + "\n";
    const auto found = processes_.find(send.id);
    if (found == processes_.end()) return;  // its launch failed in this very step
    Process& process = found->second;
    if (std::exchange(process.untold, false)) {
      ASSERT_EQ(send.signal, process.doomed ? SIGKILL : process.stop_signal);
      return;
    }
    ASSERT_FALSE(process.doomed) << "a signal after SIGKILL";
    if (send.signal == operator_signal) return;
    if (send.signal == process.stop_signal) {
      ASSERT_FALSE(process.leaving) << "told twice to leave";
      if (process.ready) check_i1(send.id, process);
    } else {
      ASSERT_TRUE(send.signal == SIGKILL || send.signal == SIGABRT);
      ASSERT_TRUE(!late_ || killing_ || process.late > Deadlines::max_moves) << "I3: killed for being late to look";
      process.late = 0;
    }
    process.doomed = send.signal == SIGKILL;
    process.leaving = true;
  }

  void check_i1(WorkerId id, const Process& process) {
    if (stopping_ || process.slot >= scheduler_.target()) return;
    std::set<unsigned> covered;
    for (const auto& [other, its] : processes_) {
      if (other == id || !its.ready || its.leaving) continue;
      if (its.slot == process.slot) return;
      covered.insert(its.slot);
    }
    ASSERT_GE(covered.size() + most_unavailable_, std::min(target_before_, scheduler_.target())) << "I1\n" << picture();
  }

  void perform(const WorkerDrains& drains, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  drains " + text(drains.worker.id) + " " + std::string(to_string(drains.why)) + "\n";
    const bool budgeted = drains.why == ExitCause::recycled || drains.why == ExitCause::operator_request;
    if (stopping_ || !budgeted || !processes_.contains(drains.worker.id)) return;
    processes_.at(drains.worker.id).recycled = true;
    unsigned recycled = 0;
    for (const auto& [id, process] : processes_) recycled += process.recycled ? 1 : 0;
    ASSERT_LE(recycled, most_at_most_) << "I6";
  }
  void perform(const WorkerKilled& killed, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  killed " + text(killed.worker.id) + " " + std::string(to_string(killed.why)) + "\n";
  }
  void perform(const WorkerBecameReady& /*ready*/, std::vector<WorkerId>& /*failed*/) {}
  void perform(const WorkerEnded& ended, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  ended " + text(ended.exit.id) + " " + std::string(to_string(ended.exit.cause)) + "\n";
    ASSERT_TRUE(ended_.insert(ended.exit.id).second) << "one exit, told twice";
  }
  void perform(const WorkerRemains& remains, std::vector<WorkerId>& /*failed*/) {
    ASSERT_TRUE(processes_.at(remains.worker.id).remains);
  }
  void perform(const RemainsGone& gone, std::vector<WorkerId>& /*failed*/) {
    ASSERT_FALSE(processes_.contains(gone.worker.id));
    ASSERT_TRUE(ended_.contains(gone.worker.id));
  }
  void perform(const LaunchFailed& failed, std::vector<WorkerId>& /*failed*/) {
    ASSERT_TRUE(failed.next_try_at > now_ || scheduler_.roster().slots()[failed.slot].candidate != nullptr)
        << "I4: spins";
  }
  void perform(const DeadlinesMoved& /*moved*/, std::vector<WorkerId>& /*failed*/) { ASSERT_TRUE(late_); }
  void perform(const RecycleWait& wait, std::vector<WorkerId>& /*failed*/) { ASSERT_GT(wait.wait, Duration{0}); }
  void perform(const StateChanged& changed, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  state " + std::to_string(static_cast<int>(changed.now)) + "\n";
    ASSERT_EQ(changed.before, state_);
    state_ = changed.now;
  }
  void perform(const ReloadFinished& finished, std::vector<WorkerId>& /*failed*/) {
    trace_ += "  reload ends " + std::to_string(static_cast<int>(finished.end)) + "\n";
    ++reloads_ended_;
    ASSERT_LE(reloads_ended_, reloads_asked_);
  }

  void check_counters() {
    const Roster& roster = scheduler_.roster();
    unsigned leaving = 0;
    std::map<unsigned, unsigned> staying_in_slot;
    std::set<unsigned> ready;
    for (const auto& [id, process] : processes_) {
      ASSERT_TRUE(roster.workers().contains(id)) << "I5: forgot " << text(id);
      leaving += process.leaving ? 1 : 0;
      ASSERT_FALSE(process.untold) << "what remains of " << text(id) << " was not told to leave";
      if (process.leaving) continue;
      ASSERT_LE(++staying_in_slot[process.slot], 2U);
      ASSERT_LT(process.slot, scheduler_.target());
      if (process.ready) ready.insert(process.slot);
    }
    unsigned pairs = 0;
    for (const auto& [slot, count] : staying_in_slot) pairs += count == 2 ? 1 : 0;
    ASSERT_EQ(roster.workers().size(), processes_.size());
    ASSERT_EQ(roster.draining(), leaving);
    ASSERT_EQ(roster.ready_slots(), ready.size());
    ASSERT_EQ(roster.pairs(), pairs);
    ASSERT_EQ(scheduler_.state(), state_);
    const auto next = scheduler_.next_deadline();
    ASSERT_TRUE(!next || *next > now_) << "a deadline was left behind";
    // Nobody is forgotten: an empty slot of the target waits for something.
    for (unsigned number = 0; !stopping_ && number < scheduler_.target(); ++number) {
      const Slot& slot = roster.slots()[number];
      ASSERT_TRUE(slot.current || slot.candidate || slot.retry.armed() || slot.down || slot.waiting ||
                  slot.has_unreaped_kills())
          << "slot " << number << " is forgotten";
    }
    // Everybody but a ready worker and one that got SIGKILL has a deadline.
    for (const auto& [id, worker] : roster.workers()) {
      ASSERT_TRUE(worker.response_deadline.armed() || worker.ready() || worker.sigkilled)
          << text(id) << " has no deadline";
    }
  }

  WorkerId any_process() {
    auto chosen = processes_.begin();
    std::advance(chosen, pick(static_cast<unsigned>(processes_.size())));
    return chosen->first;
  }

  void random_step() {
    if (processes_.empty() || chance(0.25)) return pass_time();
    const WorkerId id = any_process();
    switch (pick(22)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        become_ready(id);
        break;
      case 8:
      case 9:
      case 10:
        end(id, any_status(), chance(0.1));
        break;
      case 11:
      case 12:
        if (!end_a_leaving_process()) become_ready(id);
        break;
      case 13:
        if (chance(0.7)) {
          step(event::WorkerAlive{id});
        } else {
          step(event::WorkerWatchdogTimeout{id, seconds(pick(20))});
        }
        break;
      case 14:
        if (chance(0.6)) return;
        processes_[id].leaving = true;
        step(event::WorkerStopping{id});
        break;
      case 15:
        if (!chance(0.6)) step(event::WorkerWatchdogTrigger{id});
        break;
      case 16:
        step(event::WorkerExtends{id, milliseconds(pick(20000))});
        break;
      case 17:
        step(event::WorkerMeasured{id, pick(1100), pick(1100000)});
        break;
      case 18:
        lie();
        break;
      default:
        command();
    }
  }

  void command() {
    const unsigned slot = pick(9);
    switch (pick(5)) {
      case 0: {
        ++reloads_asked_;
        auto config = make_config();
        most_unavailable_ = config->reload.max_unavailable;
        step(event::Reload{std::move(config)});
        break;
      }
      case 1:
        EXPECT_EQ(step(event::Resize{slot}), slot >= 1 && slot <= 8);
        break;
      case 2:
        ++reloads_asked_;
        step(event::Adopt{adoptable_config()});
        break;
      case 3: {
        const bool exists = slot < scheduler_.target();
        EXPECT_EQ(step(event::Recycle{slot}), exists);
        break;
      }
      default:
        step(event::Kill{slot, operator_signal});
    }
  }

  // Events of workers that are dead or never were.
  void lie() {
    step(event::Tick{});
    const WorkerId dead{chance(0.5) ? 0 : std::uint64_t{1} << 40U};
    std::vector<Event> lies{event::WorkerExecuted{dead},
                            event::WorkerReady{dead},
                            event::WorkerStopping{dead},
                            event::WorkerAlive{dead},
                            event::WorkerWatchdogTrigger{dead},
                            event::WorkerExtends{dead, seconds(5)},
                            event::WorkerMeasured{dead, 1U << 20U, std::nullopt},
                            event::WorkerExited{dead, 1, {ExitStatus::Kind::exited, 0, {}}, false, true},
                            event::RemainsGone{dead},
                            event::LaunchFailed{dead, EAGAIN}};
    if (!ended_.empty())
      lies.emplace_back(event::WorkerExited{*ended_.begin(), 1, {ExitStatus::Kind::signaled, 9, {}}, true, true});
    const std::uint64_t told = told_;
    for (const Event& lie : lies) step(lie);
    ASSERT_EQ(told, told_) << "I5: an event of a worker that is not alive had an effect";
  }

  void become_ready(WorkerId id) {
    Process& process = processes_[id];
    if (!process.leaving && !process.ready) process.late = 0;
    if (!process.leaving) process.ready = true;
    step(event::WorkerReady{id});
  }

  void end(WorkerId id, const ExitStatus& status, bool oom) {
    Process& process = processes_.at(id);
    if (process.remains) {
      processes_.erase(id);
      step(event::RemainsGone{id});
      return;
    }
    const bool remains = chance(0.2);
    if (remains) {
      process.remains = process.untold = process.leaving = true;
      process.ready = process.recycled = false;
    } else {
      processes_.erase(id);
    }
    step(event::WorkerExited{id, 1, status, oom, remains});
    ASSERT_TRUE(ended_.contains(id)) << "an exit was not told";
  }

  bool end_a_leaving_process() {
    for (const auto& [id, process] : processes_) {
      if (!process.leaving) continue;
      end(WorkerId{id}, {ExitStatus::Kind::signaled, process.doomed ? SIGKILL : process.stop_signal, {}}, false);
      return true;
    }
    return false;
  }

  ExitStatus any_status() {
    switch (pick(6)) {
      case 0:
      case 1:
        return {ExitStatus::Kind::exited, 0, {}};
      case 2:
        return {ExitStatus::Kind::exited, chance(0.5) ? 7 : 1, {}};
      case 3:
        return {ExitStatus::Kind::exec_failed, ENOENT, "execve"};
      case 4:
        return {ExitStatus::Kind::dumped, SIGSEGV, {}};
      default:
        return chance(0.5) ? ExitStatus{} : ExitStatus{ExitStatus::Kind::signaled, operator_signal, {}};
    }
  }

  void pass_time() {
    if (chance(0.05)) {
      now_ += minutes(1 + pick(100));  // suspended, or stopped by a signal
    } else if (chance(0.5)) {
      now_ += milliseconds(pick(3000));
    } else if (const auto next = scheduler_.next_deadline()) {
      now_ = std::max(now_, *next + milliseconds(pick(50)));
    }
    step(event::Tick{});
  }

  void sleep_until_deadline() {
    const auto next = scheduler_.next_deadline();
    if (next && !any_doomed()) {
      now_ = std::max(now_, *next);
      step(event::Tick{});
      return;
    }
    ASSERT_TRUE(end_a_doomed_process()) << "nothing will ever happen\n" << picture();
  }

  bool any_doomed() const {
    for (const auto& [id, process] : processes_) {
      if (process.doomed) return true;
    }
    return false;
  }

  bool end_a_doomed_process() {
    for (const auto& [id, process] : processes_) {
      if (!process.doomed) continue;
      end(WorkerId{id}, {ExitStatus::Kind::signaled, SIGKILL, {}}, false);
      return true;
    }
    return false;
  }

  // A healthy moment: whoever leaves is gone, whoever starts is ready, whoever is watched pings, and time goes on.
  void live_on() {
    if (end_a_leaving_process()) return;
    for (const auto& [id, process] : processes_) {
      if (!process.ready) return become_ready(WorkerId{id});
    }
    std::vector<WorkerId> alive;
    for (const auto& [id, process] : processes_) alive.push_back(id);
    now_ += milliseconds(300);
    for (const WorkerId id : alive) step(event::WorkerAlive{id});
    step(event::Tick{});
  }

  bool at_rest() const {
    if (processes_.size() != scheduler_.target()) return false;
    for (const auto& [id, process] : processes_) {
      if (!process.ready || process.leaving || process.generation != scheduler_.generation()) return false;
    }
    return scheduler_.state() == PoolState::running;
  }

  static std::string text(WorkerId id) { return "#" + std::to_string(static_cast<std::uint64_t>(id)); }

  std::string picture() const {
    std::string result = "target " + std::to_string(scheduler_.target()) + " generation " +
                         std::to_string(scheduler_.generation()) + " surge " + std::to_string(scheduler_.surge()) +
                         "\n";
    for (const auto& [id, process] : processes_) {
      result += "  " + text(id) + " slot " + std::to_string(process.slot) + " generation " +
                std::to_string(process.generation) + (process.ready ? " ready" : "") +
                (process.leaving ? " leaving" : "") + (process.doomed ? " doomed" : "") + "\n";
    }
    return result;
  }

  static constexpr int operator_signal = SIGINT;

  std::mt19937 random_;
  std::shared_ptr<const PoolConfig> last_config_;
  unsigned configs_ = 0;
  unsigned most_at_most_ = 1;
  std::map<unsigned, std::shared_ptr<const PoolConfig>> config_of_;  // generations that were launched
  Scheduler scheduler_;
  Instant now_{std::chrono::hours(1)};
  std::map<WorkerId, Process> processes_;
  std::set<WorkerId> ids_;
  std::set<WorkerId> ended_;
  PoolState state_ = PoolState::starting;
  bool late_ = false;
  bool killing_ = false;
  bool stopping_ = false;
  bool healthy_ = false;
  unsigned newest_seen_ = 1;
  unsigned target_before_ = 0;
  bool began_before_ = false;
  unsigned surge_before_ = 0;
  unsigned most_unavailable_ = 0;
  unsigned reloads_asked_ = 0;
  unsigned reloads_ended_ = 0;
  std::uint64_t told_ = 0;
  std::string trace_;
};

}  // namespace preforkd
