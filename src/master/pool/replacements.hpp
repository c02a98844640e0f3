// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "master/pool/roster.hpp"

namespace preforkd {

// How many slots of a pool of `target` workers may have a second worker beside their own, as the config says; a
// fraction is rounded up. Zero only where max_unavailable makes a reload possible without.
[[nodiscard]] unsigned surge_limit(const ReloadConfig& config, unsigned target);

// Workers that are to be replaced by one of the committed generation while the pool runs: those recycled for their
// requests, age or memory, those an operator wants to be new, and those that a reload which failed has left behind.
// For each, a candidate starts beside it, and only when that is ready is the worker told to leave.
//
// One queue in order of the requests. Recycling has a budget (recycle.at_most, held from the start of the candidate to
// the end of the old process) and its limits differ from slot to slot by recycle.jitter, so a pool whose workers all
// started in the same second is never replaced all at once. What a failed reload left behind goes first and needs no
// budget. Every replacement needs its place in the surge. A candidate that fails leaves the worker in peace until the
// slot's backoff ends.
//
// Where a worker reaches a limit within `fresh` of its READY=1, replacing it brings little and could go on for ever: a
// limit of memory below what each worker needs from its start. Such a slot waits as one that crashes does: the first
// time it does not, then ten seconds, doubled each time up to an hour.
class Replacements {
 public:
  Replacements(Roster& roster, std::uint64_t seed) : roster_(roster), seed_(seed) {}

  // Wants `worker`, a slot's current one, replaced. A second request changes nothing.
  void request(Worker& worker, ExitCause why);
  // The slot is free to try again: its worker goes back to the head of its queue, if its replacement was requested.
  void requeue(Slot& slot);
  // Starts what may start now.
  void advance(const std::shared_ptr<const Generation>& generation, unsigned surge, Instant now);
  // The candidate is ready: it takes the place of the slot's worker, which is told to leave.
  void candidate_ready(Worker& candidate, Instant now);
  // The candidate of the slot, one of ours, is lost.
  void candidate_lost(Slot& slot);
  // Cancels every candidate; the requests stay.
  void cancel_all(Instant now);
  // `worker` is gone.
  void forget(Worker& worker);

  static constexpr Duration fresh = std::chrono::seconds(3);

  // A current worker is ready: its age counts from now on.
  void watch_age(Worker& worker);
  // Its age has reached the limit, or what it waited for then is over.
  void too_old(Worker& worker, Instant now);
  // The config's limits are others now.
  void limits_changed();
  // What the worker was measured to have done and to use; asks for its replacement when that is too much.
  void measured(Worker& worker, std::uint64_t requests, std::optional<std::uint64_t> memory, Instant now);

 private:
  [[nodiscard]] std::deque<WorkerId>& queue_of(const Worker& worker);
  [[nodiscard]] Worker* next(std::deque<WorkerId>& queue);
  void begin(Worker& worker, const std::shared_ptr<const Generation>& generation, Instant now);
  [[nodiscard]] double share_of_limit(const Worker& worker) const;
  // True: now.
  [[nodiscard]] bool may_recycle(Worker& worker, RecycleWait why, Instant now);

  Roster& roster_;
  std::uint64_t seed_;
  std::deque<WorkerId> left_behind_;
  std::deque<WorkerId> recycling_;
  unsigned in_budget_ = 0;
  bool wait_reported_ = false;  // since the limits were set
};

}  // namespace preforkd
