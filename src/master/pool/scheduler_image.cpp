// SPDX-License-Identifier: MIT
// How a scheduler becomes an image, and an image a scheduler.
#include <algorithm>
#include <set>
#include <utility>

#include "master/pool/acquaintances.hpp"
#include "master/pool/scheduler.hpp"

namespace preforkd {

PoolRecord Scheduler::record() const {
  return {.seed = roster_.seed(),
          .next_id = roster_.next_id(),
          .observed = roster_.deadlines().last_observed(),
          .generation = committed_->number,
          .next_generation = next_generation_,
          .target = target_,
          .pinned = pinned_,
          .started = started_,
          .fully_started = fully_started_,
          .degraded = degraded_,
          .empty_after_rollout = empty_after_rollout_};
}

SlotImage Scheduler::slot_image(unsigned number) const {
  const Slot& slot = roster_.slots()[number];
  const Deadlines& deadlines = roster_.deadlines();
  SlotImage image{.respawn = slot.respawn.state(),
                  .recycling = slot.recycling.state(),
                  .retry_at = deadlines.time_of(slot.retry),
                  .down = slot.down,
                  .workers = {}};
  const auto add = [&](const Worker* worker) {
    if (worker == nullptr) return;
    image.workers.push_back({*worker, worker->generation->number, deadlines.time_of(worker->response_deadline),
                             deadlines.time_of(worker->lifetime_deadline), worker->hang_deadline.armed()});
  };
  add(slot.current);
  add(slot.candidate);
  for (const Worker* const worker : slot.leaving) add(worker);
  return image;
}

PoolImage Scheduler::image() const {
  PoolImage image{record(), {}};
  for (const Slot& slot : roster_.slots()) image.slots.push_back(slot_image(slot.number));
  return image;
}

Generations Scheduler::generations() const {
  Generations generations{{committed_->number, committed_->config}};
  for (const auto& [id, worker] : roster_.workers()) {
    generations.try_emplace(worker.generation->number, worker.generation->config);
  }
  return generations;
}

namespace {

// Since the machine was booted, and far from where sums overflow.
bool plausible(const std::optional<Instant>& at) noexcept {
  constexpr Duration max = std::chrono::years(10);
  return !at || (at->time_since_epoch() >= Duration{0} && at->time_since_epoch() < max);
}

bool plausible(const WorkerImage& worker, unsigned slot, const PoolRecord& pool, const Generations& generations) {
  const WorkerRecord& record = worker.record;
  const bool leaving = record.place == Place::leaving;
  const bool may_stay = !record.remains && !record.killed && !record.sigkilled;
  const bool known = record.slot == slot && generations.contains(worker.generation) &&
                     worker.generation < pool.next_generation && static_cast<std::uint64_t>(record.id) < pool.next_id;
  const bool timely = plausible(record.started_at) && plausible(record.ready_at) &&
                      plausible(record.operator_signal_at) && plausible(record.recycle_at) &&
                      plausible(worker.response_deadline) && plausible(worker.lifetime_deadline) &&
                      (!record.hang_timeout || plausible(Instant{*record.hang_timeout}));
  return known && timely && leaving == (record.state == WorkerState::draining) && (leaving || may_stay);
}

}  // namespace

Result<void> check(const PoolImage& image, const Generations& generations) {
  constexpr std::size_t max_slots = std::size_t{2} * max_workers;
  const PoolRecord& pool = image.pool;
  if (!generations.contains(pool.generation)) return Failure("it lacks the config of its generation");
  if (pool.target > image.slots.size() || image.slots.size() > max_slots || pool.target > max_workers)
    return Failure("its number of workers does not fit");
  if (!plausible(pool.observed) || pool.generation >= pool.next_generation) return Failure("it contradicts itself");
  std::set<WorkerId> ids;
  for (unsigned number = 0; number < image.slots.size(); ++number) {
    const SlotImage& slot = image.slots[number];
    bool sound =
        plausible(slot.retry_at) && plausible(slot.respawn.crashing_since) && plausible(slot.recycling.crashing_since);
    std::set<Place> places;
    for (const WorkerImage& worker : slot.workers) {
      const Place place = worker.record.place;
      sound = sound && plausible(worker, number, pool, generations) && ids.insert(worker.record.id).second &&
              (place == Place::leaving || places.insert(place).second);
    }
    if (!sound) return Failure("worker " + std::to_string(number) + " contradicts itself");
  }
  return {};
}

Scheduler::Scheduler(const PoolImage& image, const Generations& generations, Takers::Load load, Instant now)
    : roster_(image.pool.seed, image.pool.next_id),
      replacements_(roster_, image.pool.seed),
      introductions_(roster_, load),
      rebalance_(roster_, std::move(load)),
      committed_(
          std::make_shared<Generation>(Generation{image.pool.generation, generations.at(image.pool.generation)})),
      next_generation_(image.pool.next_generation),
      target_(image.pool.target),
      pinned_(image.pool.pinned),
      started_(image.pool.started),
      fully_started_(image.pool.fully_started),
      degraded_(image.pool.degraded) {
  std::map<unsigned, std::shared_ptr<const Generation>> known{{committed_->number, committed_}};
  for (const auto& [number, config] : generations) {
    known.try_emplace(number, std::make_shared<Generation>(Generation{number, config}));
  }
  roster_.deadlines().resume(image.pool.observed);
  std::set<WorkerId> ids;
  for (unsigned number = 0; number < image.slots.size(); ++number) {
    adopt(image.slots[number], roster_.slot(number));
    for (const WorkerImage& worker : image.slots[number].workers) {
      adopt(worker, known.at(worker.generation), now);
      ids.insert(worker.record.id);
    }
  }
  introduce_all(roster_);
  for (unsigned number = 0; roster_.has_slot(number); ++number) {
    Slot& slot = roster_.slot(number);
    if (slot.candidate != nullptr && slot.candidate->generation != committed_) roster_.settle_without(slot, now);
  }
  for (const WorkerId id : ids) replacements_.adopt(*roster_.find(id));
  if (image.pool.empty_after_rollout) set_target(0, now);
  replace_left_behind();
  for (unsigned number = 0; number < target_; ++number) fill(roster_.slot(number), now);
}

void Scheduler::adopt(const SlotImage& image, Slot& slot) {
  slot.respawn.restore(image.respawn);
  if (slot.respawn.crashes() > 1) crashed_.insert(slot.number);
  slot.recycling.restore(image.recycling);
  slot.down = image.down;
  if (image.retry_at) roster_.deadlines().set(slot.retry, *image.retry_at);
}

// What it was told of a taker is between the two. If it waits for one, it does so again.
void Scheduler::adopt(const WorkerImage& image, const std::shared_ptr<const Generation>& generation, Instant now) {
  Worker& worker = roster_.adopt(image.record, generation);
  Deadlines& deadlines = roster_.deadlines();
  if (image.response_deadline) deadlines.set(worker.response_deadline, *image.response_deadline);
  if (image.lifetime_deadline) deadlines.set(worker.lifetime_deadline, *image.lifetime_deadline);
  if (image.is_watched) roster_.watch(worker, now);
  if (std::exchange(worker.seeks, false)) introductions_.seeks(worker, worker.left_over);
}

}  // namespace preforkd
