// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "master/pool/roster.hpp"

namespace preforkd {

// The workers that may take over another one's connections, as of the end of a step of the scheduler: those that are
// ready and stay. A worker does not stay if it is leaving or about to be: its slot is above the target, it is to be
// replaced, or it is not of the generation to which the pool goes.
//
// The giver and its taker must agree on protocol and framing, and a worker that had its chance (the giver had
// connections left) gets no second one. Of the others, the one in the giver's slot is first, since it replaces the
// giver: then each slot keeps about what it had. Without it, the one with the fewest connections takes. While a reload
// is going on and none of its workers suits, those of the generation that it replaces do, since the new one may fail;
// but not for a worker that has just been replaced.
class Takers {
 public:
  using Load = std::function<std::uint64_t(WorkerId)>;  // its open connections

  // Borrows the roster and `load`. `replaced`: the generation that is replaced by a reload; null if there is none.
  Takers(const Roster& roster, unsigned target, const Generation& generation, const Generation* replaced,
         const Load& load);

  // Null if there is none now. The caller sets Worker::taker of `giver`: from then on its connections count as the
  // taker's, so that givers which leave together are spread.
  [[nodiscard]] const Worker* choose(const Worker& giver);
  [[nodiscard]] std::vector<const Worker*> ready() const;
  // Why none of those that are ready can be one, if that is of the program, not of the moment.
  [[nodiscard]] std::optional<NotTaken> reason_for_none(const Worker& giver) const;
  // A worker that starts, or will, may be one.
  [[nodiscard]] bool may_come(const Worker& giver) const;

 private:
  struct Taker {
    const Worker* worker;
    bool is_replaced = false;  // it is of the generation that a reload replaces
    std::uint64_t load = 0;
  };

  void consider(const Slot& slot);
  [[nodiscard]] bool stays(const Slot& slot, const Worker& worker) const;
  void measure();
  [[nodiscard]] std::uint64_t connections_of(const Worker& giver) const;

  const Roster& roster_;
  const Generation& generation_;
  const Generation* replaced_;
  const Load& load_;
  std::vector<Taker> takers_;
  std::vector<const Worker*> starting_;
  bool any_without_on_adopt_ = false;  // is ready and stays
  bool any_empty_ = false;             // a slot will start a worker
  bool measured_ = false;
};

}  // namespace preforkd
