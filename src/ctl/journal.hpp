// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "pools/bus/pool_client.hpp"
#include "pools/bus/pool_snapshot.hpp"

namespace preforkd::ctl {

// The last lines, at most `max`, that a process wrote under an identifier (SYSLOG_IDENTIFIER, "echo[1]"), oldest first,
// unchanged; also those of its children, which share its stream. Leaves out lines that the caller may not read.
// journald stores a line some time after the process wrote it: until `settled` this waits for more.
[[nodiscard]] std::vector<std::string> last_lines(const std::string& identifier, pid_t pid, std::size_t max,
                                                  std::chrono::system_clock::time_point settled);

// All identifiers of the form POOL[SLOT] in the journal.
[[nodiscard]] std::vector<std::string> worker_identifiers(const std::string& pool);

// Whether `identifier` is `pool`, a bracket, digits, a bracket.
[[nodiscard]] bool names_worker_of(const std::string& pool, const std::string& identifier);

// The matches for journalctl(1) that select the lines of a pool, or of one slot of it: what preforkd logs about it
// (PREFORK_POOL=, PREFORK_WORKER=), and what the workers write (SYSLOG_IDENTIFIER=POOL[SLOT]). A whole pool also has
// the lines of its unit, for workers that are not known yet; `identifiers` are those of its workers.
[[nodiscard]] std::vector<std::string> journal_matches(const std::string& pool, std::optional<std::uint32_t> slot,
                                                       const std::vector<std::string>& identifiers);

// A line, with its newline, that names the config keys to check if one of these lines of a worker is a failure that its
// unit's sandbox can cause; empty if none is.
[[nodiscard]] std::string sandbox_hint(const std::string& pool, const std::vector<std::string>& lines);

// The last lines that the worker of this record wrote, below a heading; on the system bus with the sandbox's hint.
// Empty if there are none, and for a pool of another machine.
[[nodiscard]] std::string last_words(PoolClient& pool, const PastExit& exit);

}  // namespace preforkd::ctl
