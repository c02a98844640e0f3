// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "master/pool/roster.hpp"

namespace preforkd {

// How many slots of a pool of `target` workers may have a second worker, by the config; a fraction is rounded up. Zero
// only if max_unavailable makes a reload possible without a surge.
[[nodiscard]] unsigned surge_limit(const ReloadConfig& config, unsigned target);

// Workers to be replaced by one of the committed generation while the pool runs: recycled ones (requests, age or
// memory), those that an operator wants replaced, and those that a failed reload has left behind. For each, a candidate
// starts in the same slot; the worker is asked to leave only when the candidate is ready.
//
// One queue, in order of the requests. Recycling has a budget (recycle.at_most, held from the start of the candidate to
// the end of the old process), and recycle.jitter makes its limits differ from slot to slot, so a pool whose workers
// all started in the same second is never replaced all at once. Workers left behind by a failed reload go first and
// need no budget. Every replacement counts for the surge. If a candidate fails, the worker stays until the slot's
// backoff has ended.
//
// If a worker reaches a limit within `fresh` of its READY=1, replacing it brings little and could go on for ever, as
// with a memory limit below what each worker needs from its start. Such a slot backs off like one that crashes: it is
// replaced at once the first time, then after ten seconds, doubled each time up to an hour.
class Replacements {
 public:
  Replacements(Roster& roster, std::uint64_t seed) : roster_(roster), seed_(seed) {}

  // Requests a replacement for `worker`, the current one of a slot. A second request changes nothing.
  void request(Worker& worker, ExitCause why);
  // The slot may be tried again: puts its worker back at the head of its queue, if its replacement was requested.
  void requeue(Slot& slot);
  // Starts the candidates that may start now.
  void advance(const std::shared_ptr<const Generation>& generation, unsigned surge, Instant now);
  // The candidate is ready: it becomes the slot's worker, and the old one is asked to leave.
  void candidate_ready(Worker& candidate, Instant now);
  // The slot's candidate, started here, is lost.
  void candidate_lost(Slot& slot);
  // Cancels every candidate; the requests stay.
  void cancel_all(Instant now);
  // `worker` has ended.
  void forget(Worker& worker);
  // A worker that an earlier master had: requests its replacement again, or goes on with it.
  void adopt(Worker& worker);

  static constexpr Duration fresh = std::chrono::seconds(3);

  // A current worker is ready: its age counts from now on.
  void watch_age(Worker& worker);
  // Its age has reached the limit, or the wait after that has ended.
  void too_old(Worker& worker, Instant now);
  // The config's limits have changed.
  void limits_changed();
  // The measured requests and memory of the worker; requests its replacement when they reach a limit.
  void measured(Worker& worker, std::uint64_t requests, std::optional<std::uint64_t> memory, Instant now);

 private:
  [[nodiscard]] std::deque<WorkerId>& queue_of(const Worker& worker);
  [[nodiscard]] Worker* next(std::deque<WorkerId>& queue);
  void begin(Worker& worker, const std::shared_ptr<const Generation>& generation, Instant now);
  [[nodiscard]] double share_of_limit(const Worker& worker) const;
  // True: recycle it now.
  [[nodiscard]] bool may_recycle(Worker& worker, RecycleWait why, Instant now);

  Roster& roster_;
  std::uint64_t seed_;
  std::deque<WorkerId> left_behind_;
  std::deque<WorkerId> recycling_;
  unsigned in_budget_ = 0;
  bool wait_reported_ = false;  // since the limits were set
};

}  // namespace preforkd
