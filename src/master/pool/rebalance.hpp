// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "master/pool/roster.hpp"
#include "master/pool/takers.hpp"

namespace preforkd {

// Moves connections from the workers that have the most to those that have the fewest, on request, until they differ by
// at most one connection or 5 %. Without it, the workers of a pool that has grown have nothing to do while clients stay
// connected.
//
//   request() ──▶ no slot starts a worker, no reload ──▶ Introduce with a maximum, for several pairs at once
//                                        ▲                                │
//                                        └── again, with the new loads ── a giver has answered ──▶ even, or no pair
//                                                                                                  left: done
//
// A look reads the loads of all workers, a system call for each. So it looks only when something has happened, and
// after workers that come and go at most once a millisecond per worker: that takes a thousandth of a CPU in any pool.
//
// Who takes is as in takers.hpp, and who gives must be able to take, too: a worker that leaves gives everything anyway.
// A worker is part of one pair at a time. In one rebalance a worker gives to another one only once, since the
// connections that it has kept do not rest: so it always ends.
class Rebalance {
 public:
  Rebalance(Roster& roster, Takers::Load load) : roster_(roster), load_(std::move(load)) {}

  void request();
  // At once, or some time after the last look.
  void request_soon();
  // It has given what it can, or is gone.
  void gave(Worker& giver) {
    if (std::exchange(giver.gives_to, std::nullopt)) look_ = true;
  }
  // The pool stops.
  void end();
  // Its deadline, of Deadline::Kind::look, has passed.
  void look_again() noexcept { look_ = true; }

  // Ends a step, after Introductions. `may_begin`: no reload is going on. The pool has `target` slots of `generation`.
  void settle(bool may_begin, unsigned target, const Generation& generation, Instant now);

 private:
  struct Share {
    WorkerId id{};
    std::uint64_t connections = 0;
  };

  [[nodiscard]] std::set<WorkerId> engaged(const std::vector<const Worker*>& workers, Instant now) const;
  // Of workers with the same protocol and framing, with those that are `engaged`.
  void even_out(std::vector<Share> shares, const std::set<WorkerId>& engaged, Instant now);
  void introduce(WorkerId giver, WorkerId taker, std::uint64_t max, Instant now);

  Roster& roster_;
  const Takers::Load load_;
  bool look_ = false;  // as soon as it may
  Deadline again_{Deadline::Kind::look, 0};
  Instant rests_until_{};
  std::set<std::pair<WorkerId, WorkerId>> used_;  // giver, taker
};

}  // namespace preforkd
