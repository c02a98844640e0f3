// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "torture/ledger.hpp"
#include "torture/victim.hpp"

namespace preforkd::torture {

// Does to a pool what operators, bugs and bad luck do. A seed determines the acts, their order, and the time between
// them: an act draws the same number of random numbers whatever it finds. Which process it hits depends on those that
// exist.
class Tormentor {
 public:
  // Borrows victim and ledger. `tell`: prints each act when it is done.
  Tormentor(Victim& victim, Ledger& ledger, std::uint64_t seed, bool tell);
  Tormentor(const Tormentor&) = delete;
  Tormentor& operator=(const Tormentor&) = delete;
  ~Tormentor() { let_go(Clock::time_point::max()); }

  // Runs until `end`. Stopped processes are continued when it returns.
  void torment(Clock::time_point end);

  // Each act with its time since the start, one line each.
  [[nodiscard]] const std::string& trace() const noexcept { return trace_; }
  // How often each act was done.
  [[nodiscard]] const std::map<std::string, unsigned>& acts() const noexcept { return done_; }

 private:
  struct Act {
    std::string name;
    unsigned weight;
    void (Tormentor::*perform)();
    bool needs_systemd = false;
  };
  struct Stopped {
    pid_t worker;  // 0: the master
    Clock::time_point until;
  };
  static const std::vector<Act>& all_acts();
  static std::vector<Act> repertoire_for(const Victim& victim);

  void reload();
  void reload_unchanged();
  void reload_twice();
  void reload_bad_json();
  void reload_unknown_key();
  void reload_missing_program();
  void reload_crashing_program();
  void reload_hanging_program();
  void reload_program_that_dies_in_soak();
  void resize_by_config();
  void recycle_by_config();
  void listen_elsewhere_too();
  void one_more();
  void one_fewer();
  void kill_worker();
  void end_worker();
  void stop_worker();
  void stop_master();
  void kill_master();
  void restart();
  void upgrade();

  void tell(const std::string& what);
  void apply(const nlohmann::json& config);
  void apply_bad(const nlohmann::json& config);
  [[nodiscard]] unsigned below(unsigned bound) { return static_cast<unsigned>(random_() % bound); }
  // 0 if there is none.
  [[nodiscard]] pid_t some_worker();
  [[nodiscard]] Clock::time_point soon();
  // Continues the processes that were stopped until `now` or earlier.
  void let_go(Clock::time_point now);
  void wait_until(Clock::time_point at);

  Victim& victim_;
  Ledger& ledger_;
  std::mt19937_64 random_;
  const bool tell_;
  const std::vector<Act> repertoire_;
  const Clock::time_point begin_ = Clock::now();
  nlohmann::json config_;  // the last good one
  std::map<std::string, unsigned> done_;
  std::string trace_;
  std::vector<Stopped> stopped_;
};

}  // namespace preforkd::torture
