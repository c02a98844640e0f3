// SPDX-License-Identifier: MIT
#include "master/pool/exit_verdict.hpp"

#include <algorithm>
#include <csignal>

namespace preforkd {
namespace {

bool of_signal(const ExitStatus& status) {
  return status.kind == ExitStatus::Kind::signaled || status.kind == ExitStatus::Kind::dumped;
}

// An unknown status is that of a worker that an earlier master has started: its end is not held against its slot.
bool clean(const ExitStatus& status) {
  return status.kind == ExitStatus::Kind::unknown || (status.kind == ExitStatus::Kind::exited && status.value == 0);
}

bool means_leave(int signal, int stop_signal) {
  return signal == stop_signal || signal == SIGTERM || signal == SIGINT || signal == SIGQUIT;
}

// A worker that was asked to leave has its drain_timeout for that; a later exit is its own.
bool operator_ended_it(const Worker& worker, const ExitStatus& status, Instant now) {
  if (worker.operator_signal == 0 || now - worker.operator_signal_at > worker.config().drain_timeout) return false;
  if (of_signal(status)) return status.value == worker.operator_signal;
  return status.kind == ExitStatus::Kind::exited && means_leave(worker.operator_signal, worker.config().stop_signal);
}

ExitCause cause_of(const Worker& worker, const ExitStatus& status, bool oom, Instant now) {
  if (oom) return ExitCause::oom;
  if (worker.killed && worker.leaving) return *worker.leaving;
  if (operator_ended_it(worker, status, now)) return ExitCause::operator_request;
  const bool own_signal = of_signal(status) && status.value == worker.config().stop_signal;
  if (worker.leaving && (own_signal || !of_signal(status))) return *worker.leaving;
  return of_signal(status) ? ExitCause::signal : ExitCause::exit;
}

bool is_crash(const Worker& worker, const ExitStatus& status, ExitCause cause, Instant now) {
  if (worker.crash_counted) return true;
  if (worker.leaving || cause == ExitCause::operator_request) return false;
  if (!clean(status)) return true;
  return worker.place != Place::leaving && (!worker.ready_at || worker.ready_for(now) < RespawnPolicy::short_life);
}

ExitRecord record_of(const Worker& worker, ExitCause cause, Instant now) {
  ExitRecord record;
  record.id = worker.id;
  record.slot = worker.slot;
  record.generation = worker.generation->number;
  record.cause = cause;
  record.started_at = worker.started_at;
  record.ended_at = now;
  record.was_ready = worker.ready_at.has_value();
  record.never_notified = !worker.notified && worker.config().ready == ReadyMode::notify;
  record.never_pinged = !worker.pinged;
  record.handed_over = worker.handed_over;
  record.moves = worker.moves.has_value();
  return record;
}

}  // namespace

ExitRecord judge(const Worker& worker, const ExitStatus& status, bool oom, Instant now) {
  const ExitCause cause = cause_of(worker, status, oom, now);
  ExitRecord record = record_of(worker, cause, now);
  record.status = status;
  record.failed = is_crash(worker, status, cause, now);
  return record;
}

bool never_again(const Worker& worker, const ExitRecord& record) {
  const auto& never = worker.config().restart.never;
  return record.failed && record.status.kind == ExitStatus::Kind::exited &&
         std::find(never.begin(), never.end(), record.status.value) != never.end();
}

ExitRecord crash_record(const Worker& worker, ExitCause cause, Instant now) {
  ExitRecord record = record_of(worker, cause, now);
  record.failed = true;
  return record;
}

}  // namespace preforkd
