// SPDX-License-Identifier: MIT
#pragma once

#include <gtest/gtest.h>

#include <csignal>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "fakes/fake_clock.hpp"
#include "fakes/fake_launcher.hpp"
#include "fakes/recording_observer.hpp"
#include "master/pool/pool.hpp"

namespace preforkd {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

inline ExitStatus exited(int status) { return {ExitStatus::Kind::exited, status, {}}; }
inline ExitStatus signaled(int signal) { return {ExitStatus::Kind::signaled, signal, {}}; }

// A pool with the test's processes, clock and observer.
class PoolTest : public ::testing::Test {
 protected:
  PoolTest() { config.workers = {.initial = 3, .min = 1, .max = 10}; }

  // Starts a pool with `config`; no worker is ready yet.
  void start() {
    pool = std::make_unique<Pool>(std::make_shared<const PoolConfig>(config), launcher, clock, 1);
    pool->add_observer(observer);
    pool->step(event::Start{});
  }

  // The same, with every worker ready.
  void start_ready() {
    start();
    ready_all();
  }

  void reload() { pool->step(event::Reload{std::make_shared<const PoolConfig>(config)}); }

  void adopt() { pool->step(event::Adopt{std::make_shared<const PoolConfig>(config)}); }

  void ready_all() {
    for (const WorkerView& worker : pool->workers()) {
      if (worker.state == WorkerState::starting) pool->step(event::WorkerReady{worker.id});
    }
  }

  void end(WorkerId id, const ExitStatus& status) {
    launcher.alive.erase(id);
    pool->step(event::WorkerExited{id, 1, status});
  }

  // Ends every draining worker, whether by its stop signal or by SIGKILL.
  void let_leave() {
    for (const WorkerView& worker : pool->workers()) {
      if (worker.state == WorkerState::draining) end(worker.id, exited(0));
    }
  }

  // Lets reloads continue until no worker has to become ready or to leave.
  void settle() {
    for (int turn = 0; turn < 200; ++turn) {
      ready_all();
      let_leave();
    }
  }

  // Lets time pass, with an event loop that is never late.
  void pass(Duration time) {
    const Instant until = clock.now() + time;
    for (auto next = pool->next_deadline(); next && *next <= until; next = pool->next_deadline()) {
      clock.advance_to(*next);
      pool->step(event::Tick{});
    }
    clock.advance_to(until);
    pool->step(event::Tick{});
  }

  // The slot's workers that are not leaving, oldest first.
  [[nodiscard]] std::vector<WorkerView> staying(unsigned slot) const {
    std::vector<WorkerView> found;
    for (const WorkerView& worker : pool->workers()) {
      if (worker.slot == slot && worker.state != WorkerState::draining) found.push_back(worker);
    }
    return found;
  }

  // The only worker of the slot that is not leaving.
  [[nodiscard]] WorkerView worker(unsigned slot) const {
    const auto found = staying(slot);
    if (found.size() != 1) throw std::logic_error("slot " + std::to_string(slot) + " has not one worker");
    return found.front();
  }

  [[nodiscard]] std::vector<int> signals(WorkerId id) const {
    const auto process = launcher.alive.find(id);
    return process == launcher.alive.end() ? std::vector<int>{} : process->second.signals;
  }

  // The generations of the workers that are not leaving, and the number of workers of one.
  [[nodiscard]] std::set<unsigned> generations() const {
    std::set<unsigned> found;
    for (const WorkerView& worker : pool->workers()) {
      if (worker.state != WorkerState::draining) found.insert(worker.generation);
    }
    return found;
  }
  [[nodiscard]] unsigned new_workers(unsigned generation) const {
    unsigned found = 0;
    for (const WorkerView& worker : pool->workers()) {
      found += worker.generation == generation && worker.state != WorkerState::draining ? 1U : 0U;
    }
    return found;
  }

  // Crashes a slot's worker and returns the time until the slot starts again.
  Duration crash_and_wait(unsigned slot) {
    const std::size_t before = launcher.started.size();
    const Instant at = clock.now();
    end(worker(slot).id, signaled(SIGSEGV));
    while (launcher.started.size() == before) {
      clock.advance_to(pool->next_deadline().value());
      pool->step(event::Tick{});
    }
    return clock.now() - at;
  }

  PoolConfig config;
  fakes::FakeClock clock;
  fakes::FakeLauncher launcher;
  fakes::RecordingObserver observer;
  std::unique_ptr<Pool> pool;
};

}  // namespace preforkd
