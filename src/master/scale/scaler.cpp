// SPDX-License-Identifier: MIT
#include "master/scale/scaler.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include "base/control_group.hpp"
#include "base/counted.hpp"
#include "base/journal_fields.hpp"
#include "config/values/cpu_affinity.hpp"
#include "config/values/cpu_count.hpp"
#include "master/base/log.hpp"
#include "master/base/message_id.hpp"
#include "master/report/pool_log.hpp"

namespace preforkd {
namespace {

constexpr Duration cpus_stay_for = std::chrono::seconds(10);

std::string percent(double share) { return std::to_string(std::lround(share * 100)) + " %"; }

}  // namespace

std::string to_string(const ScaleDecision& decision) {
  const std::string over = spoken_time(decision.over);
  const std::string busy = decision.busy ? "the workers were busy for " + percent(*decision.busy) + " of the time" : "";
  switch (decision.reason) {
    case ScaleReason::waiting:
      return (decision.or_more ? "at least " : "") + counted(decision.waiting, "client") +
             (decision.waiting == 1 ? " waits" : " wait") +
             (decision.over > Duration{0} ? ", for " + over + " so far" : "") + (busy.empty() ? "" : "; " + busy);
    case ScaleReason::full:
      return "every worker has had max_connections for " + over;
    case ScaleReason::busy:
      return busy + " in the last " + over;
    case ScaleReason::quiet:
      return "fewer were enough for " + over + (busy.empty() ? "" : "; " + busy);
    case ScaleReason::idle:
      return "no new client for " + over;
  }
  return "unknown";
}

Scaler::Scaler(EventLoop& loop, Pool& pool, ProcessLauncher& launcher, const ListenSockets& sockets, const Clock& clock,
               std::function<void()> on_idle)
    : pool_(pool),
      launcher_(launcher),
      sockets_(sockets),
      clock_(clock),
      on_idle_(std::move(on_idle)),
      sensor_(loop, [this] { stir(); }),
      timer_(loop.add_timer(Priority::normal, std::chrono::milliseconds(1), [this] { look(); })),
      idle_timer_(loop.add_timer(Priority::normal, std::chrono::milliseconds(100), [this] {
        empty_ = false;  // if something prevents the exit, the time begins again when that may be over
        if (sensor_.waiting().clients == 0) on_idle_();
      })) {
  pool_.add_observer(*this);
}

void Scaler::configure(const PoolConfig& config) {
  const bool workers_report = config_ || config.scale;
  limits_ = config.workers;
  config_ = config.scale;
  affinity_ = config.process.cpu_affinity.cpus;
  cpus_known_at_.reset();
  autoscale_.configure(config.scale.value_or(ScaleConfig{}));
  if (workers_report) {
    for (const WorkerView& worker : pool_.workers()) ask_to_report(worker.id);
  }
  end();
  settle();
}

void Scaler::on_worker_started(const WorkerView& worker) {
  if (config_) ask_to_report(worker.id);
}

void Scaler::ask_to_report(WorkerId id) {
  const double share = config_ ? config_->busy.value_or(0) : 0;
  launcher_.ask_to_report_busy(id, static_cast<unsigned>(std::lround(share * 1000)));
}

void Scaler::settle() {
  const bool scales = config_ && pool_.scheduler().scales();
  if (scales && !scales_) begin();
  if (!scales && scales_) end();
  if (!scales_) return;
  const Standing before = std::exchange(standing_, pool_.scheduler().standing(clock_.now()));
  if (standing_ != before && standing_ != Standing::changing) autoscale_.stir(pool_.target(), clock_.now());
  settle_idle();
  arm();
}

void Scaler::begin() {
  scales_ = true;
  autoscale_.reset();
  standing_ = Standing::changing;
  sensor_.watch(sockets_.all());
}

void Scaler::end() noexcept {
  scales_ = false;
  sensor_.stop();
  timer_.disarm();
  idle_timer_.disarm();
  armed_.reset();
  empty_ = false;
}

void Scaler::stir() {
  if (!scales_) return;
  empty_ = false;
  const unsigned target = pool_.target();
  autoscale_.stir(target, clock_.now());
  // Here and not by the timer: a client of a pool without workers waits for nothing but its worker.
  if (target == 0) return look();
  settle_idle();
  arm();
}

void Scaler::look() {
  armed_.reset();
  const Instant now = clock_.now();
  const unsigned before = pool_.target();
  const auto decision = autoscale_.look(measure(now), now);
  if (decision && pool_.step(event::Scale{decision->target})) {
    log::info("scaled from " + std::to_string(before) + " to " + counted(decision->target, "worker") + ": " +
                  to_string(*decision),
              {message_id::field(message_id::pool_scaled)});
  }
  standing_ = pool_.scheduler().standing(now);
  arm();
}

PoolLoad Scaler::measure(Instant now) {
  PoolLoad load{.target = pool_.target(), .min = limits_.min, .max = limits_.max};
  load.standing = pool_.scheduler().standing(now);
  // A client that has left stays in the queue until a worker accepts it.
  if (pool_.ready_count() > 0 || load.target == 0) {
    const LoadSensor::Waiting waiting = sensor_.waiting();
    load.waiting = waiting.clients;
    load.or_more = waiting.or_more;
  }
  load.full = all_full();
  if (!autoscale_.needs_usage(load, now)) return load;
  meter_.begin(now);
  for (const auto& [id, worker] : pool_.scheduler().roster().workers()) {
    if (worker.ready()) meter_.add(id, launcher_.work_done(id, now));
  }
  meter_.end(load);
  load.may_shrink = may_shrink();
  load.cpus = cpus(now);
  return load;
}

// One that is not is enough to know, and it is often the same one.
bool Scaler::all_full() {
  const Roster& roster = pool_.scheduler().roster();
  const auto has_room = [this](const Worker& worker) { return worker.ready() && !launcher_.is_full(worker.id); };
  if (const Worker* const worker = roster.find(not_full_); worker != nullptr && has_room(*worker)) return false;
  for (const auto& [id, worker] : roster.workers()) {
    if (!has_room(worker)) continue;
    not_full_ = id;
    return false;
  }
  return roster.ready_slots() > 0;
}

bool Scaler::may_shrink() const {
  const unsigned target = pool_.target();
  if (target == 0) return false;
  const auto worker = pool_.shown_worker(target - 1);
  if (worker && worker->state == WorkerState::starting) return false;  // it may be about to serve
  if (!worker || worker->state != WorkerState::ready) return true;
  if (pool_.ready_count() == 1 && target > 1) return false;
  if (target > 1 && !meter_.others_have_room(worker->id)) return false;
  return launcher_.load(worker->id) == 0 || (worker->moves && target > 1);
}

// The quota of a unit may change at any time.
double Scaler::cpus(Instant now) {
  if (cpus_known_at_ && now < *cpus_known_at_ + cpus_stay_for) return cpus_;
  cpus_known_at_ = now;
  cpus_ = static_cast<double>(affinity_.empty() ? allowed_cpus().size() : affinity_.size());
  if (const auto quota = cpu_quota(own_control_groups(), control_group_mount)) cpus_ = std::min(cpus_, *quota);
  return cpus_;
}

void Scaler::settle_idle() {
  const bool is_empty = config_->idle_exit && pool_.target() == 0 && pool_.workers().empty();
  if (is_empty == std::exchange(empty_, is_empty)) return;
  if (is_empty) {
    idle_timer_.arm(clock_.now() + *config_->idle_exit);
  } else {
    idle_timer_.disarm();
  }
}

void Scaler::arm() {
  const auto next = autoscale_.next_look();
  if (next == armed_) return;
  armed_ = next;
  if (next) {
    timer_.arm(*next);
  } else {
    timer_.disarm();
  }
}

}  // namespace preforkd
