// SPDX-License-Identifier: MIT
#include "torture/tormentor.hpp"

#include <signal.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>

#include "support/binaries.hpp"

namespace preforkd::torture {
namespace {

using component::binaries::worker;
using nlohmann::json;
using std::chrono::milliseconds;

constexpr unsigned longest_pause_ms = 200;
constexpr unsigned longest_stop_ms = 300;

}  // namespace

const std::vector<Tormentor::Act>& Tormentor::all_acts() {
  static const std::vector<Act> acts = {
      {"reload", 8, &Tormentor::reload},
      {"reload, unchanged", 2, &Tormentor::reload_unchanged},
      {"two reloads at once", 2, &Tormentor::reload_twice},
      {"reload, bad JSON", 1, &Tormentor::reload_bad_json},
      {"reload, unknown key", 1, &Tormentor::reload_unknown_key},
      {"reload, missing program", 1, &Tormentor::reload_missing_program},
      {"reload, crashing program", 2, &Tormentor::reload_crashing_program},
      {"reload, hanging program", 1, &Tormentor::reload_hanging_program},
      {"reload, program that dies in its soak", 1, &Tormentor::reload_program_that_dies_in_soak},
      {"resize by config", 2, &Tormentor::resize_by_config},
      {"recycle by config", 2, &Tormentor::recycle_by_config},
      {"second socket", 2, &Tormentor::listen_elsewhere_too},
      {"SIGTTIN", 3, &Tormentor::one_more},
      {"SIGTTOU", 3, &Tormentor::one_fewer},
      {"kill -9 a worker", 4, &Tormentor::kill_worker},
      {"SIGTERM a worker", 2, &Tormentor::end_worker},
      {"stop a worker", 3, &Tormentor::stop_worker},
      {"stop the master", 1, &Tormentor::stop_master},
      {"kill -9 the master", 6, &Tormentor::kill_master, true},
      {"restart", 3, &Tormentor::restart, true},
      {"upgrade in place", 3, &Tormentor::upgrade, true},
  };
  return acts;
}

// A service listens where its units do: with one more address a restart would have to close connections.
std::vector<Tormentor::Act> Tormentor::repertoire_for(const Victim& victim) {
  std::vector<Act> acts = all_acts();
  std::erase_if(acts, [&](const Act& act) {
    return victim.outlives_its_master() ? act.perform == &Tormentor::listen_elsewhere_too : act.needs_systemd;
  });
  return acts;
}

Tormentor::Tormentor(Victim& victim, Ledger& ledger, std::uint64_t seed, bool tell)
    : victim_(victim),
      ledger_(ledger),
      random_(seed),
      tell_(tell),
      repertoire_(repertoire_for(victim)),
      config_(victim.config_at_rest()) {}

void Tormentor::torment(Clock::time_point end) {
  unsigned sum = 0;
  for (const Act& act : repertoire_) sum += act.weight;
  while (Clock::now() < end) {
    unsigned drawn = below(sum);
    const auto act = std::find_if(repertoire_.begin(), repertoire_.end(),
                                  [&](const Act& a) { return drawn < a.weight || (drawn -= a.weight, false); });
    tell(act->name);
    (this->*act->perform)();
    ++done_[act->name];
    wait_until(std::min(end, Clock::now() + milliseconds(below(longest_pause_ms))));
  }
  let_go(Clock::time_point::max());
}

void Tormentor::tell(const std::string& what) {
  std::array<char, 32> time{};
  std::snprintf(time.data(), time.size(), "%9.3f s  ", std::chrono::duration<double>(Clock::now() - begin_).count());
  const std::string line = time.data() + what + '\n';
  trace_ += line;
  if (tell_) std::fputs(line.c_str(), stdout);
}

void Tormentor::apply(const json& config) {
  config_ = config;
  victim_.write(config);
  victim_.signal(SIGHUP);
}

void Tormentor::apply_bad(const json& config) {
  victim_.write(config);
  victim_.signal(SIGHUP);
}

// A new generation, rolled out in one of many ways.
void Tormentor::reload() {
  json config = config_;
  config["environment"] = {{"TORTURE", std::to_string(below(1'000'000))}};
  config["reload"] = {{"max_surge", 1 + below(3)}, {"soak", std::to_string(below(3) * 20) + "ms"}};
  if (below(4) == 0) config["reload"]["max_surge"] = "100%";
  apply(config);
}

void Tormentor::reload_unchanged() { victim_.signal(SIGHUP); }

void Tormentor::reload_twice() {
  reload();
  wait_until(Clock::now() + milliseconds(below(20)));
  reload();
}

void Tormentor::reload_bad_json() {
  const std::string text = config_.dump();
  victim_.write_text(text.substr(0, below(static_cast<unsigned>(text.size()))));
  victim_.signal(SIGHUP);
}

void Tormentor::reload_unknown_key() {
  json config = config_;
  config["wrokers"] = 3;
  apply_bad(config);
}

void Tormentor::reload_missing_program() {
  json config = config_;
  config["program"] = {victim_.second_address() + "/missing"};
  apply_bad(config);
}

void Tormentor::reload_crashing_program() {
  json config = config_;
  config["program"] = {worker("exits_at_once")};
  apply_bad(config);
}

void Tormentor::reload_hanging_program() {
  json config = config_;
  config["program"] = {worker("hangs_on_start")};
  config["start_timeout"] = "200ms";
  apply_bad(config);
}

void Tormentor::reload_program_that_dies_in_soak() {
  json config = config_;
  config["program"] = {worker("exits_at_once"), "1", "ready"};
  config["reload"] = {{"soak", "1s"}};
  apply_bad(config);
}

void Tormentor::resize_by_config() {
  json config = config_;
  config["workers"]["initial"] = 1 + below(6);
  apply(config);
}

void Tormentor::recycle_by_config() {
  json config = config_;
  config["recycle"] = {{"requests", below(2) * 2000}, {"age", below(2) == 0 ? "off" : "1s"}, {"at_most", 1 + below(2)}};
  apply(config);
}

void Tormentor::listen_elsewhere_too() {
  json config = config_;
  config["listen"] = victim_.config_at_rest()["listen"];
  if (config_["listen"].size() == 1) config["listen"].push_back(victim_.second_address());
  apply(config);
}

void Tormentor::one_more() { victim_.signal(SIGTTIN); }
void Tormentor::one_fewer() { victim_.signal(SIGTTOU); }

void Tormentor::kill_worker() {
  const pid_t worker = some_worker();
  const Clock::time_point from = Clock::now();
  if (worker != 0 && victim_.kill_worker(worker)) ledger_.note_kill(worker, from, Clock::now());
}

void Tormentor::end_worker() {
  const pid_t worker = some_worker();
  if (worker != 0) static_cast<void>(victim_.signal_worker(worker, SIGTERM));
}

void Tormentor::stop_worker() {
  const pid_t worker = some_worker();
  const Clock::time_point until = soon();
  if (worker != 0 && victim_.signal_worker(worker, SIGSTOP)) stopped_.push_back({worker, until});
}

void Tormentor::stop_master() {
  victim_.signal(SIGSTOP);
  stopped_.push_back({0, soon()});
}

void Tormentor::kill_master() { victim_.signal(SIGKILL); }
void Tormentor::restart() { victim_.restart(); }
void Tormentor::upgrade() { victim_.signal(SIGUSR2); }

pid_t Tormentor::some_worker() {
  const std::vector<pid_t> workers = victim_.workers();
  const unsigned drawn = below(std::max(1U, static_cast<unsigned>(workers.size())));
  const pid_t worker = workers.empty() ? 0 : workers[drawn];
  tell("  process " + std::to_string(worker));
  return worker;
}

Clock::time_point Tormentor::soon() { return Clock::now() + milliseconds(below(longest_stop_ms)); }

void Tormentor::let_go(Clock::time_point now) {
  const auto due = std::partition(stopped_.begin(), stopped_.end(), [&](const Stopped& s) { return s.until > now; });
  for (auto one = due; one != stopped_.end(); ++one) {
    if (one->worker == 0) {
      victim_.signal(SIGCONT);
    } else {
      static_cast<void>(victim_.signal_worker(one->worker, SIGCONT));
    }
  }
  stopped_.erase(due, stopped_.end());
}

void Tormentor::wait_until(Clock::time_point at) {
  for (;;) {
    Clock::time_point next = at;
    for (const Stopped& one : stopped_) next = std::min(next, one.until);
    std::this_thread::sleep_until(next);
    let_go(next);
    if (next == at) return;
  }
}

}  // namespace preforkd::torture
