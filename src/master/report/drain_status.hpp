// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/report/pool_log.hpp"

namespace preforkd {

// The draining workers of one generation, summed up.
struct GenerationDrain {
  unsigned generation = 1;
  unsigned workers = 0;
  std::optional<std::uint64_t> connections;  // still open; nullopt if no worker counts them
  std::optional<Instant> deadline;           // when the last of them gets SIGKILL; nullopt if all of them got it

  bool operator==(const GenerationDrain&) const = default;
};

// The draining ones of `workers`, by generation, oldest first.
[[nodiscard]] std::vector<GenerationDrain> drains_of(const std::vector<WorkerView>& workers,
                                                     const WorkerLookup& lookup);

using WallTime = std::chrono::system_clock::time_point;

// "2 workers of generation 1 with 5 connections until 15:04:05, 1 worker of generation 2 (killed)". `wall_now` is the
// wall clock at `now`. Deadlines are shown as times of day: the time left would be wrong a second later, and updating
// it would wake the master each second. Lists at most four generations.
[[nodiscard]] std::string describe(const std::vector<GenerationDrain>& drains, Instant now, WallTime wall_now);

}  // namespace preforkd
