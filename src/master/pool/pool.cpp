// SPDX-License-Identifier: MIT
#include "master/pool/pool.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace preforkd {

Pool::Pool(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, PoolObserver& observer,
           std::uint64_t seed)
    : scheduler_(std::move(config), seed), launcher_(launcher), clock_(clock), observer_(observer) {}

bool Pool::step(const Event& event) {
  ++steps_;
  const bool accepted = decide(event);
  // A failed launch is an event of its own, handled at once, and may lead to more.
  for (scheduler_.take_actions(actions_); !actions_.empty(); scheduler_.take_actions(actions_)) {
    failed_.clear();
    for (const Action& action : actions_) {
      std::visit([this](const auto& what) { perform(what); }, action);
    }
    for (const event::LaunchFailed& failed : failed_) decide(failed);
  }
  return accepted;
}

bool Pool::decide(const Event& event) {
  const Instant now = clock_.now();
  const auto due = scheduler_.next_deadline();
  if (due && *due <= now) scheduler_.step(event::WorkersUnheard{launcher_.unheard()}, now);
  return scheduler_.step(event, now);
}

bool Pool::lives(WorkerId id) const { return scheduler_.roster().find(id) != nullptr; }

void Pool::perform(const Launch& launch) {
  if (Result<void> started = launcher_.start(launch); !started) {
    failed_.push_back({launch.id, std::move(started.error())});
    return;
  }
  history_.started(launch.slot);
  const Worker* const worker = scheduler_.roster().find(launch.id);
  if (worker != nullptr) observer_.on_worker_started(scheduler_.roster().view(*worker));
}

void Pool::perform(const SendSignal& send) { launcher_.signal(send.id, send.signal); }

void Pool::perform(const WorkerBecameReady& ready) { observer_.on_worker_ready(ready.worker); }

// If several launches fail at once, handling the first may drain the workers of the others, which never existed. Those
// are reported as failed launches only.
void Pool::perform(const WorkerDrains& drains) {
  if (lives(drains.worker.id)) observer_.on_worker_draining(drains.worker, drains.why);
}

void Pool::perform(const WorkerKilled& killed) {
  if (lives(killed.worker.id)) observer_.on_worker_killed(killed.worker, killed.why, killed.signal);
}

void Pool::perform(const WorkerEnded& ended) {
  history_.exited(ended.exit);
  observer_.on_worker_exited(ended.exit);
}

void Pool::perform(const WorkerRemains& remains) { observer_.on_worker_remains(remains.worker); }

void Pool::perform(const RemainsGone& gone) { observer_.on_remains_gone(gone.worker); }

void Pool::perform(const LaunchFailed& failed) {
  observer_.on_launch_failed(failed.slot, failed.error, failed.next_try_at);
}

void Pool::perform(const DeadlinesMoved& moved) { observer_.on_deadlines_moved(moved.by); }

void Pool::perform(const RecycleWait& wait) { observer_.on_recycle_waits(wait); }

void Pool::perform(const StateChanged& changed) { observer_.on_state_changed(changed.before, changed.now); }

void Pool::perform(const ReloadFinished& finished) { observer_.on_reload_finished(finished); }

std::vector<WorkerView> Pool::workers() const {
  const Roster& roster = scheduler_.roster();
  std::vector<WorkerView> views;
  views.reserve(roster.workers().size());
  for (const auto& [id, worker] : roster.workers()) views.push_back(roster.view(worker));
  std::sort(views.begin(), views.end(),
            [](const WorkerView& a, const WorkerView& b) { return std::tie(a.slot, a.id) < std::tie(b.slot, b.id); });
  return views;
}

std::vector<SlotView> Pool::idle_slots() const {
  std::vector<SlotView> views;
  for (unsigned slot = 0; slot < target(); ++slot) {
    if (const std::optional<SlotView> view = idle_slot(slot)) views.push_back(*view);
  }
  return views;
}

std::optional<WorkerView> Pool::shown_worker(unsigned slot) const {
  const Worker* const worker = scheduler_.roster().shown(slot);
  return worker == nullptr ? std::nullopt : std::optional(scheduler_.roster().view(*worker));
}

std::optional<SlotView> Pool::idle_slot(unsigned number) const {
  const Roster& roster = scheduler_.roster();
  if (number >= target() || number >= roster.slots().size()) return std::nullopt;
  const Slot& slot = roster.slots()[number];
  if (slot.current != nullptr || slot.candidate != nullptr) return std::nullopt;
  return SlotView{number, slot.respawn.crashes(), roster.deadlines().time_of(slot.retry), slot.down};
}

}  // namespace preforkd
