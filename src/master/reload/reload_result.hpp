// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "master/pool/pool_view.hpp"

namespace preforkd {

// How a reload ended, for whoever asked for it. All but `done` leave everything as it was: config, sockets, workers.
struct ReloadResult {
  enum class End : std::uint8_t {
    done,
    config,         // it could not be read, is wrong, or says what a running pool can't change to
    sockets,        // an address could not be bound
    worker_failed,  // a new worker crashed, was not ready in time, hung, or left before the commit
    not_started,    // no process could be made for a new worker
    superseded,     // a newer reload came before the end
    stopping,       // the pool stops
  };
  End end = End::done;
  unsigned generation = 0;           // the one that is live now
  std::vector<std::string> reasons;  // every one that is known, at least one unless `done`
  // Of the worker that failed:
  std::optional<unsigned> slot;
  std::optional<ExitRecord> failure;  // cause and status; the status is unknown while a killed one is not gone yet
  std::string last_words;             // where to read what it wrote, a phrase; empty if no program of it ever ran

  [[nodiscard]] bool ok() const noexcept { return end == End::done; }
};
using ReloadCallback = std::function<void(const ReloadResult&)>;

[[nodiscard]] std::string_view to_string(ReloadResult::End end) noexcept;  // "done", "config", "worker-failed", …

// For one line: "generation 2 is live"; "slot 0: the new worker failed: exit, exit status 3; the workers that were
// there serve on; what the new one wrote: …".
[[nodiscard]] std::string describe(const ReloadResult& result);

// What the end of a rollout means to the one who asked for it. `live` is the generation that serves after it.
[[nodiscard]] ReloadResult result_of(const ReloadFinished& finished, unsigned live);

// Where to read what the worker of a slot wrote. Workers write to the journal or to what preforkd was given as stdout
// and stderr; the master never sees it. pid 0: not known.
[[nodiscard]] std::string where_it_wrote(bool to_journal, const std::string& pool, unsigned slot, int pid);

}  // namespace preforkd
