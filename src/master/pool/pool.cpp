// SPDX-License-Identifier: MIT
#include "master/pool/pool.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace preforkd {

struct Pool::Perform {
  Pool& pool;

  void operator()(const Launch& launch) const {
    if (Result<void> started = pool.launcher_.start(launch); !started) {
      pool.failed_.push_back({launch.id, std::move(started.error())});
      return;
    }
    pool.history_.started(launch.slot);
    const Roster& roster = pool.scheduler_.roster();
    const Worker* const worker = roster.find(launch.id);
    if (worker != nullptr) pool.notify(&PoolObserver::on_worker_started, roster.view(*worker));
  }
  void operator()(const SendSignal& send) const { pool.launcher_.signal(send.id, send.signal); }
  void operator()(const Introduce& introduce) const {
    pool.launcher_.introduce(introduce.giver, introduce.taker, introduce.max);
  }
  void operator()(const DismissGiver& dismiss) const { pool.launcher_.dismiss(dismiss.giver); }
  void operator()(const Meet& meet) const { pool.launcher_.meet(meet.one, meet.other); }
  void operator()(const ReportReady& ready) const { pool.notify(&PoolObserver::on_worker_ready, ready.worker); }
  // When several launches fail at once, what follows from the first may send away the workers of the others, which
  // never were: those are reported as failed launches only.
  void operator()(const ReportDraining& drains) const {
    if (pool.lives(drains.worker.id)) pool.notify(&PoolObserver::on_worker_draining, drains.worker, drains.why);
  }
  void operator()(const ReportKilled& killed) const {
    if (!pool.lives(killed.worker.id)) return;
    pool.notify(&PoolObserver::on_worker_killed, killed.worker, killed.why, killed.signal);
  }
  void operator()(const ReportExited& ended) const {
    pool.history_.exited(ended.exit);
    pool.notify(&PoolObserver::on_worker_exited, ended.exit);
  }
  void operator()(const ReportRemains& remains) const { pool.notify(&PoolObserver::on_worker_remains, remains.worker); }
  void operator()(const ReportRemainsGone& gone) const {
    pool.history_.kept(gone.worker.id, gone.worker.kept);
    pool.notify(&PoolObserver::on_remains_gone, gone.worker);
  }
  void operator()(const ReportKept& kept) const { pool.history_.count_kept(kept.connections); }
  void operator()(const ReportNotTaken& refused) const {
    pool.history_.not_taken(refused.connections);
    pool.notify(&PoolObserver::on_not_taken, refused.worker, refused.connections);
  }
  void operator()(const ReportLaunchFailed& failed) const {
    pool.notify(&PoolObserver::on_launch_failed, failed.slot, failed.error, failed.next_try_at);
  }
  void operator()(const ReportDeadlinesMoved& moved) const { pool.notify(&PoolObserver::on_deadlines_moved, moved.by); }
  void operator()(const RecycleWait& wait) const { pool.notify(&PoolObserver::on_recycle_waits, wait); }
  void operator()(const ReportStateChanged& changed) const {
    pool.notify(&PoolObserver::on_state_changed, changed.before, changed.now);
  }
  void operator()(const ReloadFinished& finished) const { pool.notify(&PoolObserver::on_reload_finished, finished); }
};

Pool::Pool(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, std::uint64_t seed)
    : scheduler_(std::move(config), seed, [&launcher](WorkerId id) { return launcher.load(id); }),
      launcher_(launcher),
      clock_(clock) {}

Pool::Pool(const PoolImage& image, const Generations& generations, PoolHistory history, Launcher& launcher,
           const Clock& clock)
    : scheduler_(
          image, generations, [&launcher](WorkerId id) { return launcher.load(id); }, clock.now()),
      history_(std::move(history)),
      launcher_(launcher),
      clock_(clock) {}

bool Pool::step(const Event& event) {
  ++steps_;
  const bool accepted = decide(event);
  // A failed launch is an event of its own, handled at once, and may lead to more.
  for (scheduler_.take_actions(actions_); !actions_.empty(); scheduler_.take_actions(actions_)) {
    failed_.clear();
    for (const Action& action : actions_) std::visit(Perform{*this}, action);
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
