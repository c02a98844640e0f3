// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "master/pool/replacements.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// One reload in progress: brings every slot from the committed generation to a new one, or back.
//
//   wait     while reload.max_draining generations other than the committed one still drain
//   batch    candidates of the new generation start in the next slots, max_surge at a time; a slot without a worker
//            needs no surge
//   soak     each candidate that is READY must survive for `soak`; with "ready": "exec" it is READY only after that
//   switch   when the whole batch has soaked, candidates become the slots' workers and the old ones are asked to leave
//   … next batch, until every slot is switched: then the scheduler commits the generation. A slot with processes that
//            SIGKILL does not end is left out, since it may stay so for ever; it gets the new generation later.
//
// With max_unavailable, slots beyond the surge first drain their worker to make room for a candidate, as long as no
// more than that many slots of the target have no ready worker. If there is any surge, the first batch does not do so:
// no worker is given up for a generation that has not yet shown that it works.
//
// Until the commit the committed generation is the old one: if a slot that is not switched loses its worker, it gets
// one of the old generation at once, even with a candidate in the slot if the surge allows. If any worker of the new
// generation is lost before the commit, switched or not, the reload is aborted: unwind(). Candidates leave; but a
// candidate that is the only ready worker of its slot stays until one of the old generation has replaced it, and so do
// those already switched.
//
// Rejected: to commit after the first batch. It needs no way back, but then a failure in the second batch has no good
// end: neither generation is whole, and the caller was told that the reload succeeded.
class Rollout {
 public:
  // `target`: the pool's target once `to` is committed.
  Rollout(Roster& roster, Replacements& replacements, unsigned from, std::shared_ptr<Generation> to, unsigned target)
      : roster_(roster), replacements_(replacements), from_(from), to_(std::move(to)), target_(target) {}

  // Advances as far as possible. True: every slot that both targets include is switched, except those with unreaped
  // kills. `target`: the pool's present one, at least 1. If the other is 0, one slot is switched nevertheless: no
  // generation is committed that was not tried.
  [[nodiscard]] bool advance(unsigned target, Instant now);

  void candidate_ready(Worker& candidate, Instant now);
  void candidate_soaked(Worker& candidate);
  // The slot is removed by scaling down: its candidate, if started here, no longer counts.
  void drop_slot(const Slot& slot);
  // Slots from `first` on are new.
  void revisit_from(unsigned first);
  // Gives up: the candidates leave, as described above.
  void unwind(Instant now);

  // False while it waits: until then the pool runs as without it.
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] bool owns(const Worker& worker) const;
  [[nodiscard]] const std::shared_ptr<Generation>& generation() const noexcept { return to_; }
  [[nodiscard]] unsigned surge(unsigned target) const { return surge_limit(to_->config->reload, target); }
  [[nodiscard]] unsigned target() const noexcept { return target_; }
  void set_target(unsigned target) noexcept { target_ = target; }

 private:
  [[nodiscard]] bool may_begin() const;
  [[nodiscard]] unsigned slots(unsigned target) const { return std::min(target, std::max(target_, 1U)); }
  void fill_batch(unsigned target, Instant now);
  void add_candidate(Slot& slot, Instant now);
  [[nodiscard]] bool make_room(Slot& slot, unsigned target, Instant now);
  void switch_batch(Instant now);

  Roster& roster_;
  Replacements& replacements_;
  unsigned from_;
  std::shared_ptr<Generation> to_;
  unsigned target_;
  bool begun_ = false;
  bool any_switched_ = false;    // a batch was switched
  unsigned next_slot_ = 0;       // those below are switched or in the batch
  std::vector<unsigned> batch_;  // slots with a candidate of ours
  unsigned unsoaked_ = 0;        // of them
};

}  // namespace preforkd
