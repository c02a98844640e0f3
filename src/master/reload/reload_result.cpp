// SPDX-License-Identifier: MIT
#include "master/reload/reload_result.hpp"

#include "base/journal_fields.hpp"

namespace preforkd {

std::string describe(const ReloadResult& result) {
  if (result.ok())
    return "generation " + std::to_string(result.generation) + " is live" +
           (result.left_undone.empty() ? "" : ", but the change is incomplete: " + result.left_undone);
  std::string text;
  for (const std::string& reason : result.reasons) text += (text.empty() ? "" : "; ") + reason;
  const bool pool_goes_on = result.end != ReloadEnd::stopping && result.end != ReloadEnd::superseded;
  if (pool_goes_on) text += "; the previous workers keep serving";
  if (!result.last_words.empty()) text += "; output of the new worker: " + result.last_words;
  return text;
}

ReloadResult result_of(const ReloadFinished& finished, unsigned live) {
  ReloadResult result;
  result.end = finished.end;
  result.generation = live;
  if (result.ok()) return result;
  result.reasons = {describe(finished)};
  result.failure = finished.failure;
  const bool of_worker = result.end == ReloadEnd::worker_failed || result.end == ReloadEnd::not_started;
  if (of_worker) result.slot = finished.slot;
  return result;
}

std::string where_it_wrote(bool to_journal, const std::string& pool, unsigned slot, int pid) {
  if (!to_journal) return "see the output of preforkd";
  const std::string process = pid > 0 ? " _PID=" + std::to_string(pid) : "";
  return "journalctl -t '" + worker_identifier(pool, slot) + "'" + process;
}

}  // namespace preforkd
