// SPDX-License-Identifier: MIT
#include "master/bus/control_plane.hpp"

#include <algorithm>
#include <utility>

#include "dbus/words.hpp"
#include "master/base/log.hpp"
#include "master/bus/pool_object.hpp"
#include "master/bus/unit_jobs.hpp"
#include "master/bus/worker_object.hpp"
#include "master/report/pool_log.hpp"

namespace preforkd {
namespace {

// A burst that cannot be sent meanwhile is not worth the memory for all of its events.
constexpr std::size_t max_signals = 100'000;

// How long a question to systemd waits for the first connection.
constexpr Duration max_opening = std::chrono::seconds(2);

}  // namespace

struct ControlPlane::Objects {
  Objects(ControlPlane& plane, sdbus::IConnection& its_connection)
      : connection(its_connection),
        authorization(its_connection, plane.control_.config().name),
        context{plane.control_,    plane.clock_,  plane.times_,  plane.last_reload_,
                plane.started_at_, authorization, plane.replies_},
        log_control(native_bus(its_connection)),
        unit_jobs(its_connection),
        pool(its_connection, context) {}

  sdbus::IConnection& connection;
  Authorization authorization;
  const BusContext context;
  LogControl log_control;
  UnitJobsQuery unit_jobs;
  PoolObject pool;
  std::map<unsigned, WorkerObject> workers;
};

ControlPlane::ControlPlane(EventLoop& loop, const std::string& bus_address, PoolControl& control, const Clock& clock)
    : control_(control),
      clock_(clock),
      times_(clock),
      started_at_(times_.of(clock.now())),
      bus_(loop, bus_address, dbus::name_prefix + control.config().name,
           {.opened = [this](sdbus::IConnection& connection) { on_open(connection); },
            .lost =
                [this] {
                  if (objects_) objects_->unit_jobs.give_up();
                  replies_.forget();
                  objects_.reset();
                }}),
      give_up_(loop.add_timer(Priority::bus, max_opening / 10, [this] { answer_early_question(); })) {}

ControlPlane::~ControlPlane() = default;

void ControlPlane::on_open(sdbus::IConnection& connection) {
  objects_ = std::make_unique<Objects>(*this, connection);
  signals_.clear();
  changed_slots_.clear();
  known_target_ = control_.pool().target();
  for (unsigned slot = 0; slot < known_target_; ++slot) changed_slots_.insert(slot);
  for (const WorkerView& worker : control_.pool().workers()) changed_slots_.insert(worker.slot);
  update_workers();
  if (early_question_) ask_for_unit_jobs(std::exchange(early_question_, nullptr));
}

void ControlPlane::answer_early_question() {
  if (const auto answer = std::exchange(early_question_, nullptr)) answer(UnitJobs());
}

void ControlPlane::add_signal(PoolSignal signal, unsigned slot) {
  if (!objects_) return;
  if (signals_.size() < max_signals) signals_.push_back(std::move(signal));
  changed_slots_.insert(slot);
}

void ControlPlane::on_worker_started(const WorkerView& worker) {
  const auto pid = static_cast<unsigned>(control_.worker_facts(worker.id).pid);
  add_signal(Started{worker.slot, pid, worker.generation}, worker.slot);
}

void ControlPlane::on_worker_ready(const WorkerView& worker) {
  const auto pid = static_cast<unsigned>(control_.worker_facts(worker.id).pid);
  add_signal(Ready{worker.slot, pid, worker.generation}, worker.slot);
}

void ControlPlane::on_worker_draining(const WorkerView& worker, ExitCause) { changed_slots_.insert(worker.slot); }
void ControlPlane::on_worker_killed(const WorkerView& worker, ExitCause, int) { changed_slots_.insert(worker.slot); }
void ControlPlane::on_launch_failed(unsigned slot, const Error&, Instant) { changed_slots_.insert(slot); }

void ControlPlane::on_worker_exited(const ExitRecord& exit) {
  const auto pid = static_cast<unsigned>(exit.pid);
  add_signal(Exited{exit.slot, pid, exit.generation, std::string(to_string(exit.cause)),
                    std::string(to_string(exit.status.kind)), exit.status.value, bus_text(exit_sentence(exit))},
             exit.slot);
}

void ControlPlane::reload_finished(const ReloadResult& result) {
  last_reload_ = {times_.of(clock_.now()), result.ok(), describe(result)};
  if (!objects_) return;
  signals_.emplace_back(Reloaded{result.ok(), result.generation, bus_text(last_reload_.message)});
  settle();  // callers that wait for the reload's reply see its signals first
}

void ControlPlane::ask_for_unit_jobs(std::function<void(const UnitJobs& jobs)> answer) {
  if (!objects_) {
    answer_early_question();
    if (!bus_.is_opening()) return answer(UnitJobs());
    early_question_ = std::move(answer);
    give_up_.arm(clock_.now() + max_opening);
    return;
  }
  try {
    objects_->unit_jobs.ask(control_.config().name, std::move(answer));
  } catch (const std::system_error& error) {
    log::debug(std::string("message bus: ") + error.what());
    objects_->unit_jobs.give_up();
  }
}

void ControlPlane::settle() {
  if (!objects_) {
    changed_slots_.clear();
    return;
  }
  try {
    update_workers();
    send_signals();
    objects_->pool.tell_changes();
  } catch (const sdbus::Error& error) {
    // The connection breaks: BusConnection notices it, too, and all state is shown on the next one.
    log::debug(std::string("message bus: ") + error.what());
    signals_.clear();
  }
}

bool ControlPlane::is_shown(unsigned slot) const {
  return slot < control_.pool().target() || control_.pool().shown_worker(slot).has_value();
}

void ControlPlane::update_workers() {
  const unsigned target = control_.pool().target();
  for (unsigned slot = std::min(target, known_target_); slot < std::max(target, known_target_); ++slot)
    changed_slots_.insert(slot);
  known_target_ = target;
  for (const unsigned slot : std::exchange(changed_slots_, {})) {
    const auto object = objects_->workers.find(slot);
    if (!is_shown(slot)) {
      if (object != objects_->workers.end()) objects_->workers.erase(object);
    } else if (object == objects_->workers.end()) {
      objects_->workers.try_emplace(slot, objects_->connection, objects_->context, slot);
    } else {
      object->second.tell_changes();
    }
  }
}

void ControlPlane::send_signals() {
  PoolObject& pool = objects_->pool;
  for (const PoolSignal& signal : std::exchange(signals_, {})) {
    if (const auto* started = std::get_if<Started>(&signal)) {
      pool.emitWorkerStarted(started->slot, started->pid, started->generation);
    } else if (const auto* ready = std::get_if<Ready>(&signal)) {
      pool.emitWorkerReady(ready->slot, ready->pid, ready->generation);
    } else if (const auto* exited = std::get_if<Exited>(&signal)) {
      pool.emitWorkerExited(exited->slot, exited->pid, exited->generation, exited->cause, exited->kind, exited->status,
                            exited->text);
    } else if (const auto* reloaded = std::get_if<Reloaded>(&signal)) {
      pool.emitReloadFinished(reloaded->ok, reloaded->generation, reloaded->message);
    }
  }
}

}  // namespace preforkd
