// SPDX-License-Identifier: MIT
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// What the caller of a reload is told. All but `done` leave everything as it was: config, sockets, workers.
struct ReloadResult {
  ReloadEnd end = ReloadEnd::done;
  unsigned generation = 0;           // the one that is live now
  std::vector<std::string> reasons;  // every one that is known, at least one unless `done`
  std::string left_undone;           // if `done`: what of the change a reload can't do, and what does; mostly empty
  // Of the worker that failed:
  std::optional<unsigned> slot;
  std::optional<ExitRecord> failure;  // cause and status; the status is unknown while a killed one is not gone yet
  std::string last_words;             // where to read what it wrote, a phrase; empty if no program of it ever ran

  [[nodiscard]] bool ok() const noexcept { return end == ReloadEnd::done; }
};
using ReloadCallback = std::function<void(const ReloadResult&)>;

// For one line: "generation 2 is live"; "slot 0: the new worker failed: exit status 3; the previous
// workers keep serving; output of the new worker: …".
[[nodiscard]] std::string describe(const ReloadResult& result);

// What the end of a rollout means to the one who asked for it. `live` is the generation that serves after it.
[[nodiscard]] ReloadResult result_of(const ReloadFinished& finished, unsigned live);

// Where to read what the worker of a slot wrote. Workers write to the journal or to what preforkd was given as stdout
// and stderr; the master never sees it. pid 0: not known.
[[nodiscard]] std::string where_it_wrote(bool to_journal, const std::string& pool, unsigned slot, int pid);

}  // namespace preforkd
