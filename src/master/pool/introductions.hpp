// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

#include "master/pool/roster.hpp"
#include "master/pool/takers.hpp"

namespace preforkd {

// Brings workers that give their connections away together with those that take them.
//
//   a ready worker is asked to leave ──▶ Introduce, before its stop signal
//   it seeks a taker ──▶ Introduce; or DismissGiver, if there is none and none will be; else it waits for one
//
// Takers are chosen at the end of a step, when it is decided who stays: Roster::drain only leaves a place in the
// actions. A keeper waits until its drain deadline at most, which kills it. A worker that lives waits only a second
// (HandOver), since its clients are served no better meanwhile, and ignores what comes later. A giver that has not
// begun to leave, as far as is known, waits in any case: it is about to, and then a worker is started in its slot. Its
// keeper may ask before its end is seen.
class Introductions {
 public:
  Introductions(Roster& roster, Takers::Load load) : roster_(roster), load_(std::move(load)) {}

  // It has so many connections left, and no taker, or none any more.
  void seeks(Worker& giver, std::uint32_t connections);

  // Ends a step. The pool goes to `target` slots of `generation`. `replaced`: as in Takers.
  void settle(unsigned target, const Generation& generation, const Generation* replaced);

 private:
  // False: it has to wait.
  [[nodiscard]] bool answer(WorkerId seeker, Takers& takers);

  Roster& roster_;
  const Takers::Load load_;
  std::vector<WorkerId> seekers_;
};

}  // namespace preforkd
