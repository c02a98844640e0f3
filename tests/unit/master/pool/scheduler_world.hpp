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
#include <sstream>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "master/pool/scheduler.hpp"
#include "master/succession/pool_fields.hpp"
#include "unit/master/pool/action_text.hpp"
#include "unit/master/pool/event_text.hpp"

namespace preforkd {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

struct Process {
  unsigned slot = 0;
  unsigned generation = 0;
  int stop_signal = SIGTERM;
  bool mixed = false;  // StopMode::mixed
  bool ready = false;
  bool leaving = false;  // asked to, by itself, or killed
  bool doomed = false;   // got SIGKILL
  bool hung = false;     // got SIGABRT
  bool spared = false;   // its keeper is not doomed with it
  int late = 0;          // how often the scheduler was late since it was ready or killed
  bool recycled = false;
  bool remains = false;  // its first process has ended, others have not …
  bool untold = false;   // … and have not got their signal yet

  std::optional<std::uint32_t> talks{};
  bool was_ready = false;

  std::optional<Moves> moves{};
  std::optional<WorkerId> taker{};  // the last one
  std::set<WorkerId> tried{};       // takers before that
  bool seeks = false;
  bool must_leave = false;  // it was introduced unasked
  bool gives = false;       // it was asked to give some, and has not answered yet,
  Instant gives_since{};    // since then
};

// A scheduler, its model of processes, and all events that may happen to them. The invariants are asserted after
// each step, most of them on a model that knows only the events and the actions.
//
// trace() has everything: the seed and the config, each event with its time and, indented, its actions. replay()
// repeats it from this text.
class World {
 public:
  explicit World(unsigned seed) : World(seed, nullptr) {}

  // Replays the first trace in `text`, which ends with an empty line or with the text. Returns the trace of the replay.
  static std::string replay(const std::string& text) {
    std::istringstream lines(text.substr(std::min(text.find("seed "), text.size())));
    std::string line;
    const auto header = [&](std::string_view name) {
      std::getline(lines, line);
      LineReader reader(line);
      reader.expect(name);
      reader.take(" ");
      return std::string(reader.rest());
    };
    const auto seed = LineReader(header("seed")).number<unsigned>();
    World world(seed, std::make_shared<const PoolConfig>(parse_config(header("config"), {})));
    std::vector<std::string> steps;
    for (const std::string_view failed = "  launch-failed "; std::getline(lines, line) && !line.empty();) {
      if (!line.starts_with(' ')) steps.push_back(line);
      if (!line.starts_with(failed)) continue;
      const auto failure = std::get<event::LaunchFailed>(parse_event(std::string_view(line).substr(2)));
      world.failing_.emplace(failure.id, failure.error);
    }
    for (const std::string& step : steps) {
      if (!::testing::Test::HasFatalFailure()) world.follow(step);
    }
    return world.trace_;
  }

  // `successions`: the share of the steps in which the master is another one.
  void run(unsigned steps, double successions = 0) {
    step(event::Start{});
    for (unsigned count = 0; count < steps && !::testing::Test::HasFatalFailure(); ++count) {
      if (!chance(successions)) {
        random_step();
        continue;
      }
      succeed();
      step(event::Tick{});
    }
  }

  // From now on nothing fails: in the end all workers of the newest committed generation must be ready.
  void recover() {
    healthy_ = true;
    for (unsigned slot = 0; slot < scheduler_->target(); ++slot) {
      if (scheduler_->roster().has_slot(slot) && scheduler_->roster().slots()[slot].down) step(event::Recycle{slot});
    }
    const Instant bound = now_ + minutes(10);
    while (!at_rest() && now_ < bound && !::testing::Test::HasFatalFailure()) live_on();
    if (!::testing::Test::HasFatalFailure()) check_recovered();
  }

  // Some workers ignore their stop signal: the pool must still end.
  void stop() {
    step(event::Stop{});
    const Instant bound = now_ + minutes(3);
    while (!scheduler_->finished() && now_ < bound && !::testing::Test::HasFatalFailure()) {
      if (chance(0.5) && end_a_leaving_process()) continue;
      if (!sleep_until_deadline()) break;
    }
    if (!::testing::Test::HasFatalFailure()) check_stopped();
  }

  [[nodiscard]] const std::string& trace() const { return trace_; }

 private:
  static constexpr std::string_view succession = "succession";
  static constexpr std::string_view recovered = "recovered";
  static constexpr std::string_view stopped = "stopped";

  World(unsigned seed, std::shared_ptr<const PoolConfig> config)
      : random_(seed),
        replays_(config != nullptr),
        on_demand_(config ? config->workers.min == 0 : chance(0.2)),
        scheduler_(std::make_unique<Scheduler>(config ? config : (config = make_config()), seed, load)) {
    allow_recycling(*config);
    trace_ = "seed " + std::to_string(seed) + "\nconfig" + config_text(*config) + "\n";
  }

  void follow(const std::string& line) {
    if (line == succession) return succeed();
    if (line == recovered) return check_recovered();
    if (line == stopped) return check_stopped();
    LineReader reader(line);
    reader.expect("at ");
    now_ = beginning + LineReader(reader.until(": ")).span();
    step(parse_event(reader.rest()));
  }

  // The master ends without a word, and a next one has only the image. A tick must follow.
  void succeed() {
    note(succession);
    const Generations generations = scheduler_->generations();
    const bool reloads = scheduler_->state() == PoolState::reloading;
    PoolImage image{*decode<PoolRecord>(encode(image_.pool)), {}};
    for (const SlotImage& slot : image_.slots) image.slots.push_back(*decode<SlotImage>(encode(slot)));
    ASSERT_EQ(check(image, generations).has_value(), true) << check(image, generations).error().text;
    scheduler_ = std::make_unique<Scheduler>(image, generations, load, now_);
    ASSERT_TRUE(reloads || scheduler_->image() == image);
    image_ = {};
    reloads_ended_ = reloads_asked_;
    state_ = PoolState::starting;
    for (auto& [id, process] : processes_) {
      process.tried.clear();
      process.gives = false;
    }
    met_.clear();  // all meet again, in case that it died in between
  }

  void check_recovered() {
    note(recovered);
    ASSERT_TRUE(at_rest()) << picture();
    ASSERT_EQ(scheduler_->state(), PoolState::running);
    ASSERT_EQ(reloads_asked_, reloads_ended_);
    for (const auto& [id, process] : processes_) {
      ASSERT_TRUE(!process.seeks || !process.leaving) << "I7: " << text(id) << " is forgotten";
    }
  }

  void check_stopped() {
    note(stopped);
    ASSERT_TRUE(scheduler_->finished()) << picture();
    ASSERT_TRUE(processes_.empty());
    ASSERT_EQ(scheduler_->state(), PoolState::stopping);
    ASSERT_EQ(scheduler_->next_deadline(), std::nullopt);
    ASSERT_EQ(reloads_asked_, reloads_ended_);
  }

  void note(std::string_view line) { trace_.append(line) += '\n'; }

  bool chance(double p) { return std::uniform_real_distribution<>(0, 1)(random_) < p; }
  unsigned pick(unsigned below) { return std::uniform_int_distribution<unsigned>(0, below - 1)(random_); }

  std::shared_ptr<const PoolConfig> make_config() {
    auto config = std::make_shared<PoolConfig>();
    config->workers = {.initial = 1 + pick(5), .min = 1, .max = 8};
    if (on_demand_) config->workers = {.initial = pick(5), .min = 0, .max = 8};
    if (on_demand_ || chance(0.3)) config->scale.emplace();
    if (chance(0.6) && last_config_) {
      config->workers = last_config_->workers;
      config->scale = last_config_->scale;
    }
    config->start_timeout = seconds(1 + pick(10));
    config->drain_timeout = seconds(1 + pick(30));
    if (chance(0.5)) config->hang_timeout = seconds(1 + pick(20));
    if (chance(0.3)) config->stop_signal = SIGQUIT;
    if (chance(0.3)) config->stop = StopMode::mixed;
    config->restart.delay = milliseconds(pick(200));
    config->restart.max_delay = seconds(1 + pick(30));
    config->restart.forget_after = seconds(pick(30));
    if (chance(0.2)) config->restart.never = {7};
    if (chance(0.3)) config->recycle.age = seconds(30 + pick(300));
    if (chance(0.5)) config->recycle.requests = 1000;
    if (chance(0.5)) config->recycle.memory = 1000000;
    config->recycle.at_most = pick(4);
    config->reload.max_surge = chance(0.5) ? ReloadConfig{}.max_surge : (10 + 30 * pick(4)) / 100.0;
    if (chance(0.4)) config->reload.max_surge = pick(4);
    if (chance(0.4)) config->reload.max_unavailable = pick(3);
    if (chance(0.5)) config->reload.soak = milliseconds(pick(5000));
    config->reload.max_draining = 1 + pick(2);
    if (chance(0.3)) config->rebalance = RebalanceMode::off;
    last_config_ = config;
    return config;
  }

  // A config that would start the same processes as the committed one.
  std::shared_ptr<const PoolConfig> adoptable_config() {
    const auto other = make_config();
    auto config = std::make_shared<PoolConfig>(*config_of_.at(scheduler_->generation()));
    config->workers = other->workers;
    config->scale = other->scale;
    config->restart = other->restart;
    config->recycle = other->recycle;
    config->reload = other->reload;
    config->rebalance = other->rebalance;
    return config;
  }

  // Passes an event to the scheduler and checks the actions.
  void step(const Event& event) {
    note("at " + time_text(now_) + ": " + to_string(event));
    const bool matters = std::visit([this](const auto& what) { return foresee(what); }, event);
    const auto due = scheduler_->next_deadline();
    late_ = due && now_ - *due > Deadlines::tolerance;
    for (auto& [id, process] : processes_) process.late += late_ ? 1 : 0;
    target_before_ = scheduler_->target();
    began_before_ = !std::holds_alternative<event::Reload>(event) && scheduler_->state() == PoolState::reloading &&
                    !scheduler_->reload_waits();
    surge_before_ = scheduler_->surge();
    const std::uint64_t told_before = told_;
    if (std::holds_alternative<event::StopNow>(event)) {
      for (auto& [id, process] : processes_) process.hung = false;
    }
    killing_ = std::holds_alternative<event::WorkerWatchdogTrigger>(event) || stopping_;
    const bool accepted = scheduler_->step(event, now_);
    act();
    if (::testing::Test::HasFatalFailure()) return;
    ASSERT_TRUE(matters || (due && *due <= now_) || told_ == told_before)
        << "I5: an event of a worker that is not alive had an effect";
    check_answer(event, accepted);
    check_counters();
    follow_image();
  }

  // As a writer of images does, which reads only what may have changed.
  void follow_image() {
    std::vector<unsigned> touched;
    scheduler_->take_touched(touched);
    image_.pool = scheduler_->record();
    image_.slots.resize(scheduler_->roster().slots().size());
    for (const unsigned slot : touched) image_.slots[slot] = scheduler_->slot_image(slot);
    ASSERT_TRUE(image_ == scheduler_->image()) << "a slot has changed that was not touched\n" << picture();
  }

  // Applies the event to the processes of the model. False: it concerns none of them.
  template <class Kind>
  bool foresee(const Kind& event) {
    if constexpr (requires { event.id; }) {
      const auto found = processes_.find(event.id);
      if (found == processes_.end()) return false;
      return happens(found->second, event);
    } else {
      happens(event);
      return true;
    }
  }

  template <class Kind>
  bool happens(Process& /*process*/, const Kind& /*event*/) {
    return true;
  }
  bool happens(Process& process, const event::WorkerReady& /*event*/) {
    if (!process.leaving && !process.ready) process.late = 0;
    if (!process.leaving) process.ready = process.was_ready = true;
    return true;
  }
  bool happens(Process& process, const event::WorkerMoves& event) {
    if (!process.moves && !(process.remains && process.doomed)) process.moves = event.moves;
    return true;
  }
  bool happens(Process& process, const event::WorkerTalks& event) {
    if (!process.talks) process.talks = event.protocol;
    return true;
  }
  bool happens(Process& process, const event::WorkerSeeks& /*event*/) {
    process.gives = false;
    if (!process.moves) return true;
    process.seeks = true;
    if (process.taker) process.tried.insert(*process.taker);
    process.taker.reset();
    return true;
  }
  bool happens(Process& process, const event::WorkerGave& /*event*/) {
    process.gives = false;
    return true;
  }
  bool happens(Process& process, const event::WorkerStopping& /*event*/) {
    process.leaving = true;
    return true;
  }
  bool happens(Process& process, const event::WorkerExited& event) {
    if (process.remains) return false;
    must_end_.insert(event.id);
    if (event.remains) {
      process.remains = process.untold = process.leaving = true;
      process.ready = process.recycled = false;
    } else {
      processes_.erase(event.id);
    }
    return true;
  }
  bool happens(Process& process, const event::RemainsGone& event) {
    if (!process.remains) return false;
    processes_.erase(event.id);
    return true;
  }

  template <class Kind>
  void happens(const Kind& /*event*/) {}
  void happens(const event::Reload& event) {
    ++reloads_asked_;
    most_unavailable_ = event.config->reload.max_unavailable;
    allow_recycling(*event.config);
  }
  void happens(const event::Adopt& event) {
    ++reloads_asked_;
    allow_recycling(*event.config);
  }
  void happens(const event::Stop& /*event*/) { stopping_ = true; }

  void allow_recycling(const PoolConfig& config) { most_at_most_ = std::max(most_at_most_, config.recycle.at_most); }

  void check_answer(const Event& event, bool accepted) {
    if (const auto* const resize = std::get_if<event::Resize>(&event)) {
      ASSERT_EQ(accepted, resize->workers >= (on_demand_ ? 0 : 1) && resize->workers <= 8);
    } else if (const auto* const scale = std::get_if<event::Scale>(&event)) {
      ASSERT_TRUE(!accepted || (scheduler_->target() == scale->workers && !began_before_));
    } else if (const auto* const recycle = std::get_if<event::Recycle>(&event)) {
      ASSERT_EQ(accepted, recycle->slot < target_before_);
    }
    for (const WorkerId id : must_end_) ASSERT_TRUE(ended_.contains(id)) << "an exit was not reported";
    must_end_.clear();
  }

  void act() {
    std::vector<Action> actions;
    std::vector<event::LaunchFailed> failed;
    for (std::size_t steps = 1;; steps = failed.size()) {
      scheduler_->take_actions(actions);
      if (actions.empty()) return;
      told_ += actions.size();
      failed.clear();
      for (const Action& action : actions) {
        note("  " + to_string(action));
        std::visit([&](const auto& one) { perform(one); }, action);
        if (::testing::Test::HasFatalFailure()) return;
        const auto* const launch = std::get_if<Launch>(&action);
        if (launch == nullptr) continue;
        if (const std::optional<Error> error = launch_error(launch->id)) {
          failed.push_back({launch->id, *error});
        } else {
          processes_[launch->id] = Process{.slot = launch->slot,
                                           .generation = launch->generation->number,
                                           .stop_signal = launch->generation->config->stop_signal,
                                           .mixed = launch->generation->config->stop == StopMode::mixed};
        }
      }
      if (steps == 1) check_takers();
      takers_.clear();
      if (::testing::Test::HasFatalFailure()) return;
      for (const event::LaunchFailed& failure : failed) {
        note("  " + to_string(Event(failure)));
        scheduler_->step(failure, now_);
      }
    }
  }

  std::optional<Error> launch_error(WorkerId id) {
    if (replays_) return failing_.contains(id) ? std::optional(failing_.at(id)) : std::nullopt;
    if (healthy_ || !chance(0.05)) return std::nullopt;
    return os_failure(chance(0.5) ? EAGAIN : ENOMEM).value();
  }

  void perform(const Launch& launch) {
    ASSERT_FALSE(stopping_);
    ASSERT_TRUE(ids_.insert(launch.id).second) << "an id was used twice";
    config_of_[launch.generation->number] = launch.generation->config;
    check_i2(launch);
  }

  void check_i2(const Launch& launch) {
    std::map<unsigned, unsigned> staying;
    std::set<unsigned> draining;
    for (const auto& [id, process] : processes_) {
      if (!process.leaving) ++staying[process.slot];
      if (process.leaving && !process.doomed && !process.spared && process.generation != scheduler_->generation())
        draining.insert(process.generation);
    }
    unsigned pairs = 0;
    for (const auto& [slot, count] : staying) pairs += count > 1 ? 1 : 0;
    const unsigned target = std::max(target_before_, scheduler_->target());
    const unsigned surge = std::max({1U, surge_before_, scheduler_->surge()});
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

  void perform(const Introduce& introduce) {
    ASSERT_FALSE(stopping_) << "I7";
    ASSERT_NE(introduce.giver, introduce.taker);
    Process& giver = processes_.at(introduce.giver);
    const auto taker = processes_.find(introduce.taker);
    ASSERT_NE(taker, processes_.end()) << "I7: the taker " << text(introduce.taker) << " has ended";
    ASSERT_TRUE(taker->second.ready && giver.moves && taker->second.moves == giver.moves) << "I7";
    takers_.insert(introduce.taker);
    if (introduce.max > 0) return check_i8(introduce, giver);
    ASSERT_FALSE(giver.tried.contains(introduce.taker)) << "I7: introduced again";
    ASSERT_FALSE(giver.doomed);
    ASSERT_TRUE(giver.seeks || (giver.ready && !giver.leaving)) << "it has no connections, or was not asked to leave";
    giver.must_leave = !giver.seeks;
    giver.seeks = false;
    giver.taker = introduce.taker;
  }
  void check_i8(const Introduce& introduce, Process& giver) {
    ASSERT_TRUE(giver.ready && !giver.leaving) << "I8";
    ASSERT_TRUE(!giver.gives || now_ - giver.gives_since >= minutes(1)) << "I8: " << text(introduce.giver);
    ASSERT_GE(load(introduce.giver) - introduce.max + 1, load(introduce.taker) + introduce.max) << "I8: too many";
    giver.gives = true;
    giver.gives_since = now_;
    takers_.insert(introduce.giver);  // it stays, too
  }
  void perform(const Meet& meet) {
    ASSERT_LT(std::min(meet.one, meet.other), std::max(meet.one, meet.other)) << "I9: with itself";
    for (const WorkerId id : {meet.one, meet.other}) {
      const Process& process = processes_.at(id);
      ASSERT_TRUE(process.was_ready && process.talks) << "I9: " << text(id);
    }
    ASSERT_EQ(processes_.at(meet.one).talks, processes_.at(meet.other).talks) << "I9";
    ASSERT_TRUE(met_.insert(std::minmax(meet.one, meet.other)).second) << "I9: a second time";
  }
  void perform(const DismissGiver& dismiss) {
    ASSERT_TRUE(std::exchange(processes_.at(dismiss.giver).seeks, false)) << "it has not asked";
  }

  void perform(const SendSignal& send) {
    const auto found = processes_.find(send.id);
    if (found == processes_.end()) return;  // its launch failed in this step
    Process& process = found->second;
    if (std::exchange(process.untold, false)) {
      const bool has_keeper = process.hung && process.moves;
      process.spared = process.doomed && has_keeper;
      process.doomed = (process.doomed && !has_keeper) || (process.mixed && !process.moves);
      ASSERT_EQ(send.signal, process.doomed ? SIGKILL : process.stop_signal);
      return;
    }
    ASSERT_FALSE(process.doomed) << "a signal after SIGKILL";
    if (send.signal == operator_signal) return;
    if (send.signal == process.stop_signal) {
      ASSERT_FALSE(process.leaving) << "asked twice to leave";
      process.must_leave = false;
      if (process.ready) check_i1(send.id, process);
    } else {
      ASSERT_TRUE(send.signal == SIGKILL || send.signal == SIGABRT);
      ASSERT_TRUE(!late_ || killing_ || process.late > Deadlines::max_moves)
          << "I3: killed because the scheduler was late";
      process.late = 0;
    }
    process.doomed = send.signal == SIGKILL;
    process.hung = process.hung || send.signal == SIGABRT;
    process.leaving = true;
  }

  void check_i1(WorkerId id, const Process& process) {
    if (stopping_ || process.slot >= scheduler_->target()) return;
    std::set<unsigned> covered;
    for (const auto& [other, its] : processes_) {
      if (other == id || !its.ready || its.leaving) continue;
      if (its.slot == process.slot) return;
      covered.insert(its.slot);
    }
    ASSERT_GE(covered.size() + most_unavailable_, std::min(target_before_, scheduler_->target())) << "I1\n"
                                                                                                  << picture();
  }

  void perform(const ReportDraining& drains) {
    const bool budgeted = drains.why == ExitCause::recycled || drains.why == ExitCause::operator_request;
    if (stopping_ || !budgeted || !processes_.contains(drains.worker.id)) return;
    processes_.at(drains.worker.id).recycled = true;
    unsigned recycled = 0;
    for (const auto& [id, process] : processes_) recycled += process.recycled ? 1 : 0;
    ASSERT_LE(recycled, most_at_most_) << "I6";
  }
  void perform(const ReportKilled& /*killed*/) {}
  void perform(const ReportReady& /*ready*/) {}
  void perform(const ReportExited& ended) {
    ASSERT_TRUE(ended_.insert(ended.exit.id).second) << "one exit, reported twice";
  }
  void perform(const ReportRemains& remains) { ASSERT_TRUE(processes_.at(remains.worker.id).remains); }
  void perform(const ReportRemainsGone& gone) {
    ASSERT_FALSE(processes_.contains(gone.worker.id));
    ASSERT_TRUE(ended_.contains(gone.worker.id));
  }
  void perform(const ReportKept& /*kept*/) {}
  void perform(const ReportNotTaken& refused) { ASSERT_NE(refused.connections, NotTakenCounts{}); }
  void perform(const ReportLaunchFailed& failed) {
    // Or its replacement, which was started before the failure was known, has its place.
    const Slot& slot = scheduler_->roster().slots()[failed.slot];
    const Worker* const other = slot.candidate != nullptr ? slot.candidate : slot.current;
    ASSERT_TRUE(failed.next_try_at > now_ || (other != nullptr && processes_.contains(other->id))) << "I4: spins";
  }
  void perform(const ReportDeadlinesMoved& /*moved*/) { ASSERT_TRUE(late_); }
  void perform(const RecycleWait& wait) { ASSERT_GT(wait.wait, Duration{0}); }
  void perform(const ReportStateChanged& changed) {
    ASSERT_EQ(changed.before, state_);
    state_ = changed.now;
  }
  void perform(const ReloadFinished& /*finished*/) {
    ++reloads_ended_;
    ASSERT_LE(reloads_ended_, reloads_asked_);
  }

  void check_counters() {
    const Roster& roster = scheduler_->roster();
    unsigned leaving = 0;
    std::map<unsigned, unsigned> staying_in_slot;
    std::set<unsigned> ready;
    for (const auto& [id, process] : processes_) {
      ASSERT_TRUE(roster.workers().contains(id)) << "I5: forgot " << text(id);
      const Worker& worker = *roster.find(id);
      leaving += process.leaving && !(worker.remains && worker.moves) ? 1 : 0;
      ASSERT_FALSE(process.untold) << "what remains of " << text(id) << " was not asked to leave";
      if (process.leaving) continue;
      ASSERT_LE(++staying_in_slot[process.slot], 2U);
      ASSERT_LT(process.slot, scheduler_->target());
      if (process.ready) ready.insert(process.slot);
    }
    unsigned pairs = 0;
    for (const auto& [slot, count] : staying_in_slot) pairs += count == 2 ? 1 : 0;
    ASSERT_EQ(roster.workers().size(), processes_.size());
    ASSERT_EQ(roster.draining(), leaving);
    ASSERT_EQ(roster.ready_slots(), ready.size());
    ASSERT_EQ(roster.pairs(), pairs);
    check_seekers();
    check_i9();
    check_standing();
    ASSERT_EQ(scheduler_->state(), state_);
    const auto next = scheduler_->next_deadline();
    ASSERT_TRUE(!next || *next > now_) << "a deadline was left behind";
    // No slot is forgotten: an empty slot of the target waits for something.
    for (unsigned number = 0; !stopping_ && number < scheduler_->target(); ++number) {
      const Slot& slot = roster.slots()[number];
      ASSERT_TRUE(slot.current || slot.candidate || slot.retry.armed() || slot.down || slot.waiting ||
                  slot.has_unreaped_kills())
          << "slot " << number << " is forgotten";
    }
    // Every worker has a deadline, unless it is ready or got SIGKILL.
    for (const auto& [id, worker] : roster.workers()) {
      ASSERT_TRUE(worker.response_deadline.armed() || worker.ready() || worker.sigkilled)
          << text(id) << " has no deadline";
    }
  }

  // By each slot, as pool_view.hpp has it. A worker that starts next to one that is ready counts as a change, too.
  void check_standing() {
    const Standing standing = scheduler_->standing(now_);
    if (standing == Standing::changing) return;
    const Duration forget_after = scheduler_->committed()->config->restart.forget_after;
    bool any_fails = false;
    for (unsigned number = 0; number < scheduler_->target(); ++number) {
      const Slot& slot = scheduler_->roster().slots()[number];
      const bool crashes =
          slot.respawn.crashes() > 1 && (slot.current == nullptr || slot.current->ready_for(now_) < forget_after);
      const bool fails = crashes || (!slot.serves() && (slot.down || slot.retry.armed()));
      ASSERT_TRUE(fails || slot.serves()) << "slot " << number << " changes\n" << picture();
      any_fails = any_fails || fails;
    }
    ASSERT_EQ(standing == Standing::failing, any_fails) << picture();
  }

  // Each two workers of one protocol, from when both are ready until one has ended.
  void check_i9() {
    const auto takes_part = [](const Process& process) {
      return process.talks && process.was_ready && !process.remains && !process.doomed;
    };
    for (const auto& [one, process] : processes_) {
      for (const auto& [other, its] : processes_) {
        if (one >= other || !takes_part(process) || !takes_part(its) || process.talks != its.talks) continue;
        ASSERT_TRUE(met_.contains({one, other})) << "I9: " << text(one) << " and " << text(other) << " have not met";
      }
    }
  }

  // As of the end of the step: who leaves in it, or will be replaced, takes nothing.
  void check_takers() {
    const Roster& roster = scheduler_->roster();
    for (const WorkerId id : takers_) {
      ASSERT_TRUE(processes_.contains(id) && !processes_.at(id).leaving) << "I7: " << text(id) << " leaves";
      const Worker& worker = *roster.find(id);
      ASSERT_LT(worker.slot, scheduler_->target()) << "I7";
      ASSERT_FALSE(worker.replace_reason) << "I7: " << text(id) << " is to be replaced";
    }
  }

  void check_seekers() {
    const Roster& roster = scheduler_->roster();
    bool may_come = false;
    for (unsigned number = 0; !stopping_ && number < scheduler_->target(); ++number) {
      const Slot& slot = roster.slots()[number];
      may_come = may_come || slot.retry.armed() || slot.waiting;
    }
    for (const auto& [id, process] : processes_) may_come = may_come || (!process.leaving && !process.ready);
    for (const auto& [id, process] : processes_) {
      ASSERT_FALSE(process.must_leave) << "I7: " << text(id) << " was introduced, and stays";
      // One that does not leave yet is about to.
      const bool end_is_near = process.hung && process.doomed && !process.remains;
      ASSERT_TRUE(!process.seeks || !process.leaving || end_is_near || (may_come && !stopping_))
          << "I7: " << text(id) << " waits for nothing";
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
    switch (pick(26)) {
      case 0:
      case 1:
      case 2:
      case 3:
      case 4:
      case 5:
      case 6:
      case 7:
        if (!processes_.at(id).moves && chance(0.8)) step(event::WorkerMoves{id, {1, chance(0.9) ? 5U : 6U}});
        if (chance(0.5)) step(event::WorkerTalks{id, chance(0.9) ? 1U : 2U});
        step(event::WorkerReady{id});
        break;
      case 8:
      case 9:
      case 10:
        end(id, any_status(), chance(0.1));
        break;
      case 11:
      case 12:
        if (!end_a_leaving_process()) step(event::WorkerReady{id});
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
      case 19:
      case 20:
      case 21:
        step(event::WorkerSeeks{id, pick(300)});
        break;
      case 22:
        if (chance(0.5)) {
          step(event::WorkerGave{id, pick(300), 0, {pick(2), 0, 0, 0, pick(2)}, processes_.at(id).remains});
        } else {
          step(event::WorkerMoves{id, {1, 5}});
        }
        break;
      default:
        command();
    }
  }

  void command() {
    const unsigned slot = pick(9);
    switch (pick(8)) {
      case 7:
        return step(event::Unpin{});
      case 6:
        return step(event::Scale{slot});
      case 5:
        return step(event::Rebalance{});
      case 0:
        return step(event::Reload{make_config()});
      case 1:
        return step(event::Resize{slot});
      case 2:
        return step(event::Adopt{adoptable_config()});
      case 3:
        return step(event::Recycle{slot});
      default:
        step(event::Kill{slot, operator_signal});
    }
  }

  // Events of workers that have ended or never existed.
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
                            event::WorkerMoves{dead, {1, 5}},
                            event::WorkerTalks{dead, 1},
                            event::WorkerSeeks{dead, 5},
                            event::WorkerGave{dead, 5},
                            event::WorkerExited{dead, 1, {ExitStatus::Kind::exited, 0, {}}, false, true},
                            event::RemainsGone{dead},
                            event::LaunchFailed{dead, "told of nobody"}};
    if (!ended_.empty())
      lies.emplace_back(event::WorkerExited{*ended_.begin(), 1, {ExitStatus::Kind::signaled, 9, {}}, true, true});
    for (const Event& lie : lies) step(lie);
  }

  void end(WorkerId id, const ExitStatus& status, bool oom) {
    if (processes_.at(id).remains) {
      step(event::RemainsGone{id});
    } else {
      const bool remains = chance(0.2);
      step(event::WorkerExited{id, 1, status, oom, remains});
    }
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
    } else if (const auto next = scheduler_->next_deadline()) {
      now_ = std::max(now_, *next + milliseconds(pick(50)));
    }
    step(event::Tick{});
  }

  // False: nothing will ever happen.
  bool sleep_until_deadline() {
    const auto next = scheduler_->next_deadline();
    if (!next || any_doomed()) return end_a_doomed_process();
    now_ = std::max(now_, *next);
    step(event::Tick{});
    return true;
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

  // A healthy step: a leaving worker ends, a starting one becomes ready, watched ones ping, and time passes.
  void live_on() {
    if (end_a_leaving_process()) return;
    for (const auto& [id, process] : processes_) {
      if (!process.ready) return step(event::WorkerReady{id});
    }
    std::vector<WorkerId> alive;
    for (const auto& [id, process] : processes_) alive.push_back(id);
    now_ += milliseconds(300);
    for (const WorkerId id : alive) step(event::WorkerAlive{id});
    step(event::Tick{});
  }

  bool at_rest() const {
    if (processes_.size() != scheduler_->target()) return false;
    for (const auto& [id, process] : processes_) {
      if (!process.ready || process.leaving || process.generation != scheduler_->generation()) return false;
    }
    return scheduler_->state() == PoolState::running;
  }

  static std::string text(WorkerId id) { return ActionText::text(id); }

  static std::uint64_t load(WorkerId id) { return static_cast<std::uint64_t>(id) * 7919 % 13; }

  std::string picture() const {
    std::string result = "target " + std::to_string(scheduler_->target()) + " generation " +
                         std::to_string(scheduler_->generation()) + " surge " + std::to_string(scheduler_->surge()) +
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
  const bool replays_;
  const bool on_demand_;               // every config has min 0
  std::map<WorkerId, Error> failing_;  // launches that must fail in a replay
  unsigned most_at_most_ = 1;
  std::map<unsigned, std::shared_ptr<const PoolConfig>> config_of_;  // generations that were launched
  std::unique_ptr<Scheduler> scheduler_;
  PoolImage image_;  // as a next master would find it
  Instant now_ = beginning;
  std::map<WorkerId, Process> processes_;
  std::set<WorkerId> ids_;
  std::set<WorkerId> ended_;
  std::set<WorkerId> must_end_;  // whose exits must be reported in this step
  std::set<WorkerId> takers_;    // introduced in this step
  std::set<std::pair<WorkerId, WorkerId>> met_;
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
