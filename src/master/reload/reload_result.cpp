// SPDX-License-Identifier: MIT
#include "master/reload/reload_result.hpp"

namespace preforkd {
namespace {

ReloadResult::End end_of(ReloadEnd end) noexcept {
  switch (end) {
    case ReloadEnd::committed:
      return ReloadResult::End::done;
    case ReloadEnd::worker_failed:
    case ReloadEnd::left:
      return ReloadResult::End::worker_failed;
    case ReloadEnd::launch_failed:
      return ReloadResult::End::not_started;
    case ReloadEnd::superseded:
      return ReloadResult::End::superseded;
    case ReloadEnd::stopped:
      break;
  }
  return ReloadResult::End::stopping;
}

}  // namespace

std::string_view to_string(ReloadResult::End end) noexcept {
  switch (end) {
    case ReloadResult::End::done:
      return "done";
    case ReloadResult::End::config:
      return "config";
    case ReloadResult::End::sockets:
      return "sockets";
    case ReloadResult::End::worker_failed:
      return "worker-failed";
    case ReloadResult::End::not_started:
      return "not-started";
    case ReloadResult::End::superseded:
      return "superseded";
    case ReloadResult::End::stopping:
      return "stopping";
  }
  return "unknown";
}

std::string describe(const ReloadResult& result) {
  if (result.ok()) return "generation " + std::to_string(result.generation) + " is live";
  std::string text;
  for (const std::string& reason : result.reasons) text += (text.empty() ? "" : "; ") + reason;
  const bool pool_goes_on = result.end != ReloadResult::End::stopping && result.end != ReloadResult::End::superseded;
  if (pool_goes_on) text += "; the workers that were there serve on";
  if (!result.last_words.empty()) text += "; what the new one wrote: " + result.last_words;
  return text;
}

ReloadResult result_of(const ReloadFinished& finished, unsigned live) {
  ReloadResult result;
  result.end = end_of(finished.end);
  result.generation = live;
  if (result.ok()) return result;
  result.reasons = {describe(finished)};
  result.failure = finished.failure;
  const bool of_worker = result.end == ReloadResult::End::worker_failed || result.end == ReloadResult::End::not_started;
  if (of_worker) result.slot = finished.slot;
  return result;
}

std::string where_it_wrote(bool to_journal, const std::string& pool, unsigned slot, int pid) {
  if (!to_journal) return "see preforkd's own output, where its workers write, too";
  const std::string process = pid > 0 ? " _PID=" + std::to_string(pid) : "";
  return "journalctl -t '" + pool + "[" + std::to_string(slot) + "]'" + process;
}

}  // namespace preforkd
