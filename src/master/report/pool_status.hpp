// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "master/pool/pool.hpp"
#include "master/report/drain_status.hpp"
#include "master/report/pool_log.hpp"

namespace preforkd {

// "3/3 workers ready, generation 1, 12 connections", with the state unless it is "running". While workers drain, their
// generations, connections and deadlines follow (drain_status.hpp).
[[nodiscard]] std::string status_line(const Pool& pool, const WorkerLookup& lookup,
                                      std::optional<std::uint64_t> connections, Instant now, WallTime wall_now);

// One line per worker and one per slot that waits for its next try: slot, pid, state, generation, uptime, connections,
// requests, crashes, status.
[[nodiscard]] std::vector<std::string> status_table(const Pool& pool, const WorkerLookup& lookup, Instant now);

}  // namespace preforkd
