// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace preforkd::ctl {

// The last lines, at most `most`, that a process wrote under an identifier (SYSLOG_IDENTIFIER, "echo[1]"), oldest
// first, as they came; also those of its children, as they share its stream. With the caller's own rights: what they
// may not read, and what there is no journal of, is not there. journald writes a line some time after the process did:
// until `settled` more of them are waited for.
[[nodiscard]] std::vector<std::string> last_lines(const std::string& identifier, pid_t pid, std::size_t most,
                                                  std::chrono::system_clock::time_point settled);

// All identifiers of the form POOL[SLOT] in the journal.
[[nodiscard]] std::vector<std::string> worker_identifiers(const std::string& pool);

// Whether `identifier` is `pool`, a bracket, digits, a bracket.
[[nodiscard]] bool names_worker_of(const std::string& pool, const std::string& identifier);

}  // namespace preforkd::ctl
