// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <variant>

#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "base/time_span.hpp"
#include "master/pool/roster.hpp"
#include "unit/master/pool/event_text.hpp"

namespace preforkd {

// When a test's time begins. Traces and scenarios count from here.
inline constexpr Instant beginning{std::chrono::hours(1)};

inline std::string time_text(Instant at) { return format_time_span(at - beginning); }

// The actions that follow an event, one line each, for traces and scenarios.
struct ActionText {
  std::string operator()(const Launch& launch) const {
    return "launch " + text(launch.id) + ": slot " + number(launch.slot) + ", generation " +
           number(launch.generation->number);
  }
  std::string operator()(const SendSignal& send) const {
    return "signal " + text(send.id) + ": " + signal_name(send.signal);
  }
  std::string operator()(const Introduce& introduce) const {
    return "introduce " + text(introduce.giver) + " to " + text(introduce.taker) +
           (introduce.max > 0 ? ": at most " + std::to_string(introduce.max) : "");
  }
  std::string operator()(const DismissGiver& dismiss) const { return "no taker for " + text(dismiss.giver); }
  std::string operator()(const Meet& meet) const { return "meet " + text(meet.one) + " and " + text(meet.other); }
  std::string operator()(const ReportReady& ready) const { return "ready " + text(ready.worker.id); }
  std::string operator()(const ReportDraining& drains) const {
    return "drains " + text(drains.worker.id) + ": " + std::string(to_string(drains.why)) + until(drains.worker);
  }
  std::string operator()(const ReportKilled& killed) const {
    return "killed " + text(killed.worker.id) + ": " + std::string(to_string(killed.why)) + ", " +
           signal_name(killed.signal);
  }
  std::string operator()(const ReportExited& ended) const {
    const ExitRecord& exit = ended.exit;
    return "ended " + text(exit.id) + ": " + std::string(to_string(exit.cause)) + ", " + to_string(exit.status) +
           " after " + format_time_span(exit.ended_at - exit.started_at) + (exit.was_ready ? ", was ready" : "") +
           (exit.failed ? ", failed" : "") +
           (exit.handed_over > 0 ? ", handed over " + std::to_string(exit.handed_over) : "") +
           (exit.crashes > 0 ? ", crashes " + number(exit.crashes) + " since " + time_text(exit.crashing_since) : "") +
           "; slot " + number(exit.slot) + ": " + follows(exit);
  }
  std::string operator()(const ReportRemains& remains) const {
    return "remains of " + text(remains.worker.id) + until(remains.worker);
  }
  std::string operator()(const ReportRemainsGone& gone) const {
    const Kept& kept = gone.worker.kept;
    return "remains gone of " + text(gone.worker.id) + (kept.all() > 0 ? ": " + kept_text(kept) : "");
  }
  std::string operator()(const ReportKept& kept) const { return "kept: " + kept_text(kept.connections); }
  std::string operator()(const ReportNotTaken& refused) const {
    return "not taken of " + text(refused.worker.id) + ':' + not_taken_text(refused.connections);
  }
  std::string operator()(const ReportLaunchFailed& failed) const {
    return "launch failed: slot " + number(failed.slot) + ", " + failed.error.text + ", next try at " +
           time_text(failed.next_try_at);
  }
  std::string operator()(const ReportDeadlinesMoved& moved) const {
    return "deadlines moved by " + format_time_span(moved.by);
  }
  std::string operator()(const RecycleWait& wait) const {
    return "recycling waits: slot " + number(wait.slot) + ", found " + std::to_string(wait.found) + " of " +
           std::to_string(wait.max) + ", " + format_time_span(wait.wait);
  }
  std::string operator()(const ReportStateChanged& changed) const {
    return "state " + std::string(to_string(changed.before)) + " -> " + std::string(to_string(changed.now));
  }
  std::string operator()(const ReloadFinished& finished) const {
    return "reload " + std::string(to_string(finished.end)) + ": " + describe(finished) +
           (finished.failure ? " (worker " + text(finished.failure->id) + ")" : "");
  }

  static std::string text(WorkerId id) { return std::to_string(static_cast<std::uint64_t>(id)); }

 private:
  static std::string kept_text(const Kept& kept) {
    return std::to_string(kept.moved) + " moved, " + std::to_string(kept.closed) + " closed";
  }
  static std::string number(unsigned value) { return std::to_string(value); }
  static std::string until(const WorkerView& worker) {
    return worker.drain_deadline ? ", until " + time_text(*worker.drain_deadline) : "";
  }
  static std::string follows(const ExitRecord& exit) {
    switch (exit.follow) {
      case Follow::starts:
        return "starts";
      case Follow::waits:
        return "waits until " + time_text(exit.next_try_at.value());
      case Follow::starting:
        return "starting";
      case Follow::covered:
        return "covered";
      case Follow::reload_ends:
        return "reload ends";
      case Follow::down:
        return "down";
      case Follow::unwanted:
        return "unwanted";
    }
    return "unknown";
  }
};

inline std::string to_string(const Action& action) { return std::visit(ActionText(), action); }

}  // namespace preforkd
