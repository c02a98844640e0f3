// SPDX-License-Identifier: MIT
#include "master/report/pool_log.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/byte_size.hpp"
#include "base/counted.hpp"
#include "base/errors.hpp"
#include "base/journal_fields.hpp"
#include "base/time_span.hpp"
#include "master/base/message_id.hpp"
#include "master/pool/replacements.hpp"

namespace preforkd {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Duration round_to(Duration time, Duration unit) { return (time + unit / 2) / unit * unit; }

// Signals and statuses say how it ended; this adds who caused it, unless it was the worker itself.
std::string because_of(ExitCause cause) {
  switch (cause) {
    case ExitCause::start_timeout:
      return " (not ready in time)";
    case ExitCause::hang:
      return " (hung)";
    case ExitCause::drain_timeout:
      return " (did not drain in time)";
    case ExitCause::oom:
      return " (out of memory)";
    case ExitCause::exit:
    case ExitCause::signal:
      return "";
    default:
      return " (" + std::string(to_string(cause)) + ")";
  }
}

// Those that a worker had when it died. Its keeper closes the ones that do not rest: they end with the worker.
std::string left_open(std::uint64_t connections, bool has_keeper) {
  if (connections == 0) return "no connection lost";
  const std::string number = counted(connections, "connection");
  return has_keeper ? "with " + number + ", those at rest left to its keeper" : number + " lost";
}

// The keeper is expected, and says what it has done. It has the worker's name until it has run for a moment.
bool is_one_process(const std::string& remains) { return remains.find(',') == std::string::npos; }

// Empty if there were none.
std::string fate(const ExitRecord& exit) {
  std::string text;
  if (exit.handed_over > 0) text += ", " + counted(exit.handed_over, "connection") + " handed over";
  if (exit.kept.all() > 0) {
    text += ", " + counted(exit.kept.all(), "connection") + ": " + std::to_string(exit.kept.moved) + " moved, " +
            std::to_string(exit.kept.closed) + " closed";
  }
  return text;
}

// Empty for the first.
std::string crashes_in_a_row(const ExitRecord& exit) {
  if (exit.crashes <= 1) return "";
  return "crashed " + std::to_string(exit.crashes) + " times in " + spoken_time(exit.ended_at - exit.crashing_since) +
         ", ";
}

}  // namespace

std::string spoken_time(Duration time) {
  if (time >= minutes(1)) return format_time_span(round_to(time, seconds(1)));
  if (time < seconds(1)) return format_time_span(std::max<Duration>(round_to(time, milliseconds(1)), milliseconds(1)));
  const auto tenths = round_to(time, milliseconds(100)) / milliseconds(100);
  const std::string whole = std::to_string(tenths / 10);
  return tenths % 10 == 0 ? whole + "s" : whole + "." + std::to_string(tenths % 10) + "s";
}

std::string exit_sentence(const ExitRecord& exit) {
  if (exit.status.kind == ExitStatus::Kind::exec_failed)
    return "could not be started: " + to_string(exit.status) + std::string(hint(exit));
  const std::string how = because_of(exit.cause) + ": " + to_string(exit.status) + " after " +
                          spoken_time(exit.ended_at - exit.started_at) + fate(exit);
  if (!exit.failed) return "left" + how;
  return "died" + how + (exit.was_ready ? "" : ", before it was ready") + std::string(hint(exit));
}

PoolLog::Subject PoolLog::subject(const WorkerView& worker) const {
  return {worker.slot, worker.generation, lookup_(worker.id).pid};
}

// One that could not be adopted has no process here.
PoolLog::Subject PoolLog::subject(const ExitRecord& exit) { return {exit.slot, exit.generation, exit.pid}; }

std::string PoolLog::Subject::name() const {
  return "worker " + std::to_string(slot) + " (pid " + std::to_string(pid) + ", generation " +
         std::to_string(generation) + ")";
}

log::Fields PoolLog::Subject::fields(const char* message) const {
  return {message_id::field(message),
          {journal_field::worker, std::to_string(slot)},
          {journal_field::generation, std::to_string(generation)},
          {journal_field::worker_pid, std::to_string(pid)}};
}

log::Level PoolLog::routine() const noexcept {
  const bool whole_pool = state_ == PoolState::starting || state_ == PoolState::stopping;
  return whole_pool && log::sink() != log::Sink::journal ? log::Level::debug : log::Level::info;
}

void PoolLog::on_worker_started(const WorkerView& worker) {
  launch_failures_.erase(worker.slot);
  const log::Level level = log::sink() == log::Sink::journal ? log::Level::info : log::Level::debug;
  log::write(level, subject(worker).name() + " started", subject(worker).fields(message_id::worker_started));
}

void PoolLog::on_worker_ready(const WorkerView& worker) {
  const Duration took = worker.ready_at.value_or(worker.started_at) - worker.started_at;
  log::write(routine(), subject(worker).name() + " is ready after " + spoken_time(took),
             subject(worker).fields(message_id::worker_ready));
}

void PoolLog::on_worker_draining(const WorkerView& worker, ExitCause why) {
  const std::string reason = why == ExitCause::exit ? "it sent STOPPING=1" : std::string(to_string(why));
  // The whole pool stops then, which was logged in one line.
  const log::Level level = why == ExitCause::operator_request ? log::Level::debug : routine();
  log::write(level, subject(worker).name() + " drains: " + reason, subject(worker).fields(message_id::worker_drains));
}

void PoolLog::on_worker_killed(const WorkerView& worker, ExitCause why, int signal) {
  const std::string how = to_string(ExitStatus{ExitStatus::Kind::signaled, signal, {}});
  const log::Level level = why == ExitCause::operator_request ? log::Level::debug : log::Level::warning;
  const char* message = why == ExitCause::hang ? message_id::worker_hangs : message_id::worker_killed;
  const std::string whose = worker.remains ? "what is left of " : "";
  log::write(level, whose + subject(worker).name() + " gets " + how + because_of(why), subject(worker).fields(message));
}

// What its keeper has done has a line of its own, since mostly it is known only later.
void PoolLog::on_worker_exited(const ExitRecord& exit) {
  ExitRecord end = exit;
  const Kept kept = std::exchange(end.kept, {});
  if (exit.failed) {
    const WorkerFacts facts = lookup_(exit.id);
    log_crash(end, facts, exit.moves && (kept.all() > 0 || !facts.remains.empty()));
  } else {
    log::Fields extra = subject(exit).fields(message_id::worker_left);
    extra.push_back({journal_field::exit_cause, std::string(to_string(exit.cause))});
    log::write(routine(), subject(exit).name() + " " + exit_sentence(end), extra);
  }
  log_kept(subject(exit), kept);
  not_taken_lines_.erase(exit.id);
}

// Without a deadline they got SIGKILL already and end in a moment.
void PoolLog::on_worker_remains(const WorkerView& worker) {
  const std::string remains = lookup_(worker.id).remains;
  const bool expected = worker.moves && is_one_process(remains);
  const log::Level level = worker.drain_deadline && !expected ? log::Level::warning : log::Level::debug;
  std::string line = subject(worker).name() + " has left processes behind: " + remains + "; ";
  line += worker.drain_deadline
              ? "they get the stop signal, and SIGKILL in " + spoken_time(*worker.drain_deadline - clock_.now())
              : "they are killed";
  log::write(level, line, subject(worker).fields(message_id::worker_remains));
}

void PoolLog::on_remains_gone(const WorkerView& worker) {
  log_kept(subject(worker), worker.kept);
  not_taken_lines_.erase(worker.id);
  const log::Level level = worker.drain_deadline && !worker.moves ? log::Level::info : log::Level::debug;
  log::write(level, "nothing is left of " + subject(worker).name(), subject(worker).fields(message_id::remains_gone));
}

// A worker says it, as often as it likes; one that is sound, a few times in a minute.
bool PoolLog::may_say_not_taken(WorkerId id) {
  constexpr unsigned enough = 16;
  Lines& lines = not_taken_lines_[id];
  if (clock_.now() - lines.since >= minutes(1)) lines = {clock_.now(), 0};
  return lines.count++ < enough;
}

void PoolLog::on_not_taken(const WorkerView& worker, const NotTakenCounts& connections) {
  if (!may_say_not_taken(worker.id)) return;
  std::uint64_t all = 0;
  std::string reasons;
  for (std::size_t index = 0; index < connections.size(); ++index) {
    if (connections[index] == 0) continue;
    all += connections[index];
    reasons += (reasons.empty() ? "" : ", ") + std::to_string(connections[index]) + ' ' +
               std::string(to_string(static_cast<NotTaken>(index)));
  }
  log::warning(subject(worker).name() + ": " + counted(all, "connection") + " not taken by other workers: " + reasons,
               subject(worker).fields(message_id::connections_not_taken));
}

void PoolLog::log_kept(const Subject& subject, const Kept& kept) {
  if (kept.all() == 0) return;
  log::write(kept.closed > 0 ? log::Level::warning : log::Level::info,
             subject.name() + ": " + counted(kept.moved, "connection") + " moved to other workers, " +
                 std::to_string(kept.closed) + " closed",
             subject.fields(message_id::connections_kept));
}

void PoolLog::log_crash(const ExitRecord& exit, const WorkerFacts& facts, bool has_keeper) {
  std::string line = subject(exit).name() + " " + exit_sentence(exit);
  if (facts.counters.counts) line += ", " + left_open(facts.counters.connections, has_keeper);
  if (facts.reported_error) line += "; it reported " + errno_text(*facts.reported_error);
  if (!facts.status_text.empty()) line += "; its last status: " + facts.status_text;
  line += "; " + what_is_done(exit);
  log::Fields extra = subject(exit).fields(message_id::worker_failed);
  extra.push_back({journal_field::exit_cause, std::string(to_string(exit.cause))});
  log::warning(line, extra);
}

std::string PoolLog::what_is_done(const ExitRecord& exit) const {
  if (state_ == PoolState::stopping) return std::string("not replaced: ") + pool_is_stopping;
  switch (exit.follow) {
    case Follow::starts:
      return "replacing now";
    case Follow::waits:
      return crashes_in_a_row(exit) + "next try in " +
             spoken_time(exit.next_try_at.value_or(clock_.now()) - clock_.now());
    case Follow::starting:
      return "its replacement is starting";
    case Follow::covered:
      return "its slot is served by another worker";
    case Follow::reload_ends:
      return "not replaced: the reload ends";
    case Follow::down:
      return "not tried again before a reload or recycle: restart.never lists this status";
    case Follow::unwanted:
      return "not replaced: the pool has fewer workers now";
  }
  return "replacing now";
}

void PoolLog::on_launch_failed(unsigned slot, const Error& error, Instant next_try_at) {
  std::string& sentence = launch_failures_[slot];
  sentence = "worker " + std::to_string(slot) + " cannot be started: " + error.text;
  log::warning(sentence + "; next try in " + spoken_time(next_try_at - clock_.now()),
               {message_id::field(message_id::worker_not_started), {journal_field::worker, std::to_string(slot)}});
}

void PoolLog::on_deadlines_moved(Duration by) {
  log::warning("preforkd did not run for a while (suspended, stopped, or short of CPU time): workers get up to " +
                   spoken_time(by) + " more before they count as hung or late",
               {message_id::field(message_id::deadlines_moved)});
}

void PoolLog::on_recycle_waits(const RecycleWait& wait) {
  const std::string soon = " within " + format_time_span(Replacements::fresh) + " of being ready";
  std::string text;
  switch (wait.limit) {
    case RecycleLimit::requests:
      text = "recycle.requests: a worker serves " + std::to_string(wait.found) + soon + ", the limit is " +
             std::to_string(wait.max);
      break;
    case RecycleLimit::memory:
      text = "recycle.memory: a worker uses " + std::to_string(wait.found >> 20U) + "M" + soon + ", the limit is " +
             format_byte_size(wait.max);
      break;
    case RecycleLimit::age:
      text = "recycle.age: a worker reaches it" + soon;
  }
  log::warning("worker " + std::to_string(wait.slot) + ": " + text + ", which is too low: replaced in " +
                   spoken_time(wait.wait) + ", then less and less often",
               {message_id::field(message_id::recycle_waits), {journal_field::worker, std::to_string(wait.slot)}});
}

void PoolLog::on_state_changed(PoolState, PoolState now) { state_ = now; }

std::string PoolLog::launch_failure(unsigned slot) const {
  const auto found = launch_failures_.find(slot);
  return found == launch_failures_.end() ? "" : found->second;
}

}  // namespace preforkd
