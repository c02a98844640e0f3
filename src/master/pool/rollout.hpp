// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <vector>

#include "master/pool/replacements.hpp"
#include "master/pool/roster.hpp"

namespace preforkd {

// One reload on its way: brings every slot from the committed generation to a new one, or back.
//
//   wait     for its turn, while reload.max_draining generations other than the committed one still drain
//   batch    candidates of the new generation start beside the workers of the next slots, max_surge at a time; a slot
//            without a worker needs no surge
//   soak     each candidate that is READY must live on for `soak`; where "ready" is "exec" it is READY only then
//   switch   when the whole batch has soaked, candidates become the slots' workers and the old ones are told to leave
//   … next batch, until every slot is switched: then the scheduler commits the generation. A slot with processes that
//            SIGKILL does not end is left out, as it may stay so for ever; it gets the new generation when it can.
//
// With max_unavailable, slots beyond the surge make room for a candidate by sending their worker away first, as long as
// no more than that many slots of the target are without a ready worker. Where there is any surge, the first batch does
// not do so: nothing is given up for a generation that has not shown yet that it works.
//
// Until the commit the committed generation is the old one: a slot that is not switched and loses its worker gets one
// of the old generation, at once, even beside its candidate if the surge allows. Any worker of the new generation that
// is lost before the commit, switched or not, ends the reload: unwind(). Candidates leave; where a candidate is the
// only ready worker of its slot, it stays until one of the old generation has replaced it, and so do those already
// switched.
//
// Rejected: to commit after the first batch. It needs no way back, but then a failure in the second batch has no good
// end: neither generation is whole, and the caller has been told that all is well.
class Rollout {
 public:
  // `target`: the pool's target once `to` is committed.
  Rollout(Roster& roster, Replacements& replacements, unsigned from, std::shared_ptr<Generation> to, unsigned target)
      : roster_(roster), replacements_(replacements), from_(from), to_(std::move(to)), target_(target) {}

  // Goes on as far as it can. True: every slot is switched that both targets want, but those with unreaped kills.
  // `target`: the pool's present one.
  [[nodiscard]] bool advance(unsigned target, Instant now);

  void candidate_ready(Worker& candidate, Instant now);
  void candidate_soaked(Worker& candidate);
  // The slot is scaled away: its candidate, if it is one of ours, counts no longer.
  void drop_slot(const Slot& slot);
  // Slots from `first` on are new.
  void revisit_from(unsigned first);
  // Gives up: the candidates leave, as said above.
  void unwind(Instant now);

  // False while it waits for its turn: until then the pool goes on as without it.
  [[nodiscard]] bool begun() const noexcept { return begun_; }
  [[nodiscard]] bool owns(const Worker& worker) const;
  [[nodiscard]] const std::shared_ptr<Generation>& generation() const noexcept { return to_; }
  [[nodiscard]] unsigned surge(unsigned target) const { return surge_limit(to_->config->reload, target); }
  [[nodiscard]] unsigned target() const noexcept { return target_; }
  void set_target(unsigned target) noexcept { target_ = target; }

 private:
  [[nodiscard]] bool may_begin() const;
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
