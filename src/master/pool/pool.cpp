// SPDX-License-Identifier: MIT
#include "master/pool/pool.hpp"

#include <algorithm>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "base/errors.hpp"
#include "master/pool/scheduler.hpp"

namespace preforkd {

std::string_view to_string(PoolState state) noexcept {
  switch (state) {
    case PoolState::starting:
      return "starting";
    case PoolState::running:
      return "running";
    case PoolState::reloading:
      return "reloading";
    case PoolState::degraded:
      return "degraded";
    case PoolState::stopping:
      return "stopping";
  }
  return "unknown";
}

std::string describe(const ReloadFinished& finished) {
  const std::string slot = "slot " + std::to_string(finished.slot) + ": ";
  switch (finished.end) {
    case ReloadEnd::committed:
      return "generation " + std::to_string(finished.generation) + " is live";
    case ReloadEnd::worker_failed: {
      const ExitRecord& failure = *finished.failure;
      const std::string text = slot + "the new worker failed: " + std::string(to_string(failure.cause));
      return failure.status.kind == ExitStatus::Kind::unknown ? text : text + ", " + to_string(failure.status);
    }
    case ReloadEnd::launch_failed:
      return slot + "cannot start the new worker: " + errno_text(finished.error);
    case ReloadEnd::left:
      return slot + "the new worker leaves by itself (STOPPING=1)";
    case ReloadEnd::superseded:
      return "superseded by a newer reload";
    case ReloadEnd::stopped:
      return "the pool stops";
  }
  return "unknown";
}

class Pool::Impl {
 public:
  Impl(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, PoolObserver& observer,
       std::uint64_t seed)
      : scheduler(std::move(config), seed), launcher_(launcher), clock_(clock), observer_(observer) {}

  [[nodiscard]] Instant now() const { return clock_.now(); }

  // Does what the scheduler wants; what fails is told to it at once and may lead to more.
  void act() {
    for (;;) {
      scheduler.take_actions(actions_);
      if (actions_.empty()) return;
      failed_.clear();
      for (const Action& action : actions_) {
        std::visit([this](const auto& what) { perform(what); }, action);
      }
      for (const auto& [id, error] : failed_) scheduler.launch_failed(id, error, now());
    }
  }

  [[nodiscard]] WorkerView view(const Worker& worker) const { return with_text(scheduler.roster().view(worker)); }

  Scheduler scheduler;
  std::unordered_map<WorkerId, std::string> status_texts;
  ExitHistory history;

 private:
  [[nodiscard]] bool lives(WorkerId id) const { return scheduler.roster().find(id) != nullptr; }
  [[nodiscard]] WorkerView with_text(WorkerView view) const {
    const auto text = status_texts.find(view.id);
    if (text != status_texts.end()) view.status_text = text->second;
    return view;
  }

  void perform(const Launch& launch) {
    if (const int error = launcher_.start(launch)) {
      failed_.emplace_back(launch.id, error);
      return;
    }
    const Worker* const worker = scheduler.roster().find(launch.id);
    if (worker != nullptr) observer_.on_worker_started(view(*worker));
  }
  void perform(const SendSignal& send) { launcher_.signal(send.id, send.signal); }
  void perform(const WorkerBecameReady& ready) { observer_.on_worker_ready(with_text(ready.worker)); }
  // When several launches fail at once, what follows from the first may send away the workers of the others, which
  // never were: nobody hears of them but as failed launches.
  void perform(const WorkerDrains& drains) {
    if (lives(drains.worker.id)) observer_.on_worker_draining(with_text(drains.worker), drains.why);
  }
  void perform(const WorkerKilled& killed) {
    if (lives(killed.worker.id)) observer_.on_worker_killed(with_text(killed.worker), killed.why, killed.signal);
  }
  void perform(const WorkerEnded& ended) {
    status_texts.erase(ended.exit.id);
    history.add(ended.exit);
    observer_.on_worker_exited(ended.exit);
  }
  void perform(const LaunchFailed& failed) {
    observer_.on_launch_failed(failed.slot, failed.error, failed.next_try_at);
  }
  void perform(const StateChanged& changed) { observer_.on_state_changed(changed.before, changed.now); }
  void perform(const ReloadFinished& finished) { observer_.on_reload_finished(finished); }

  Launcher& launcher_;
  const Clock& clock_;
  PoolObserver& observer_;
  std::vector<Action> actions_;
  std::vector<std::pair<WorkerId, int>> failed_;
};

Pool::Pool(std::shared_ptr<const PoolConfig> config, Launcher& launcher, const Clock& clock, PoolObserver& observer,
           std::uint64_t seed)
    : impl_(std::make_unique<Impl>(std::move(config), launcher, clock, observer, seed)) {}

Pool::~Pool() = default;

void Pool::start() {
  impl_->scheduler.start(impl_->now());
  impl_->act();
}

void Pool::worker_ready(WorkerId id) {
  impl_->scheduler.worker_ready(id, impl_->now());
  impl_->act();
}

void Pool::worker_stopping(WorkerId id) {
  impl_->scheduler.worker_stopping(id, impl_->now());
  impl_->act();
}

void Pool::worker_alive(WorkerId id) {
  impl_->scheduler.worker_alive(id, impl_->now());
  impl_->act();
}

void Pool::worker_watchdog_timeout(WorkerId id, Duration timeout) {
  impl_->scheduler.worker_hang_timeout(id, timeout, impl_->now());
  impl_->act();
}

void Pool::worker_watchdog_trigger(WorkerId id) {
  impl_->scheduler.worker_hangs(id, impl_->now());
  impl_->act();
}

void Pool::worker_extends(WorkerId id, Duration by) {
  impl_->scheduler.worker_extends(id, by, impl_->now());
  impl_->act();
}

void Pool::worker_status(WorkerId id, std::string text) {
  if (impl_->scheduler.roster().find(id) != nullptr) impl_->status_texts[id] = std::move(text);
}

void Pool::worker_measured(WorkerId id, std::uint64_t requests, std::optional<std::uint64_t> memory_bytes) {
  impl_->scheduler.worker_measured(id, requests, memory_bytes, impl_->now());
  impl_->act();
}

void Pool::worker_exited(WorkerId id, const ExitStatus& status, bool oom) {
  impl_->scheduler.worker_exited(id, status, oom, impl_->now());
  impl_->act();
}

void Pool::reload(std::shared_ptr<const PoolConfig> config) {
  impl_->scheduler.reload(std::move(config), impl_->now());
  impl_->act();
}

void Pool::adopt(std::shared_ptr<const PoolConfig> config) {
  impl_->scheduler.adopt(std::move(config), impl_->now());
  impl_->act();
}

bool Pool::resize(unsigned workers) {
  const bool done = impl_->scheduler.resize(workers, impl_->now());
  impl_->act();
  return done;
}

bool Pool::recycle(unsigned slot) {
  const bool done = impl_->scheduler.recycle(slot, impl_->now());
  impl_->act();
  return done;
}

bool Pool::kill(unsigned slot, int signal) {
  const bool done = impl_->scheduler.kill(slot, signal, impl_->now());
  impl_->act();
  return done;
}

void Pool::stop() {
  impl_->scheduler.stop(impl_->now());
  impl_->act();
}

void Pool::stop_now() {
  impl_->scheduler.stop_now(impl_->now());
  impl_->act();
}

void Pool::tick() {
  impl_->scheduler.tick(impl_->now());
  impl_->act();
}

std::optional<Instant> Pool::next_deadline() const { return impl_->scheduler.next_deadline(); }
PoolState Pool::state() const { return impl_->scheduler.state(); }
unsigned Pool::target() const { return impl_->scheduler.target(); }
unsigned Pool::generation() const { return impl_->scheduler.generation(); }
unsigned Pool::ready_count() const { return impl_->scheduler.roster().ready_slots(); }
unsigned Pool::draining_count() const { return impl_->scheduler.roster().draining(); }
bool Pool::reload_waits() const { return impl_->scheduler.reload_waits(); }
bool Pool::fully_started() const { return impl_->scheduler.fully_started(); }
bool Pool::finished() const { return impl_->scheduler.finished(); }

std::vector<WorkerView> Pool::workers() const {
  std::vector<WorkerView> views;
  views.reserve(impl_->scheduler.roster().workers().size());
  for (const auto& [id, worker] : impl_->scheduler.roster().workers()) views.push_back(impl_->view(worker));
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
  const Worker* worker = impl_->scheduler.roster().shown(slot);
  return worker == nullptr ? std::nullopt : std::optional(impl_->view(*worker));
}

std::optional<SlotView> Pool::idle_slot(unsigned number) const {
  const Roster& roster = impl_->scheduler.roster();
  if (number >= target() || number >= roster.slots().size()) return std::nullopt;
  const Slot& slot = roster.slots()[number];
  if (slot.current != nullptr || slot.candidate != nullptr) return std::nullopt;
  return SlotView{number, slot.respawn.crashes(), roster.deadlines().time_of(slot.retry), slot.down};
}

std::vector<ExitRecord> Pool::exits(std::size_t most) const { return impl_->history.newest(most); }
const ExitHistory& Pool::exit_history() const { return impl_->history; }

}  // namespace preforkd
