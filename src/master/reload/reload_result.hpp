// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// The answer to the caller of a reload. All but `done` leave config, sockets and workers unchanged.
struct ReloadResult {
  ReloadEnd end = ReloadEnd::done;
  unsigned generation = 0;           // the live one
  std::vector<std::string> reasons;  // all that are known, at least one unless `done`
  std::string
      left_undone;  // if `done`: the changes that a reload cannot make, and the command that makes them; mostly empty
  // About the worker that failed:
  std::optional<unsigned> slot;
  std::optional<ExitRecord> failure;  // cause and status; the status is unknown while a killed worker has not ended
  std::string last_words;             // a phrase that says where to read its output; empty if its program never ran

  [[nodiscard]] bool ok() const noexcept { return end == ReloadEnd::done; }
};
using ReloadCallback = std::function<void(const ReloadResult&)>;

// For one line: "generation 2 is live"; "slot 0: the new worker failed: exit status 3; the previous
// workers keep serving; output of the new worker: …".
[[nodiscard]] std::string describe(const ReloadResult& result);

// The result of a rollout for the caller of the reload. `live` is the generation that serves after it.
[[nodiscard]] ReloadResult result_of(const ReloadFinished& finished, unsigned live);

// Where to read the output of a slot's worker. Workers write to the journal or to preforkd's own stdout and stderr; the
// master never sees it. pid 0: not known.
[[nodiscard]] std::string where_it_wrote(bool to_journal, const std::string& pool, unsigned slot, int pid);

}  // namespace preforkd
