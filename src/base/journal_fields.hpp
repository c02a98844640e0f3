// SPDX-License-Identifier: MIT
#pragma once

#include <string>

namespace preforkd {

// The fields that the master gives its entries in the journal. preforkctl selects entries by them, and
// systemd/preforkd.catalog shows them.
namespace journal_field {
inline constexpr const char* pool = "PREFORK_POOL";
inline constexpr const char* worker = "PREFORK_WORKER";  // its slot
inline constexpr const char* worker_pid = "PREFORK_WORKER_PID";
inline constexpr const char* generation = "PREFORK_GENERATION";
inline constexpr const char* exit_cause = "PREFORK_EXIT_CAUSE";
inline constexpr const char* reload_result = "PREFORK_RELOAD_RESULT";
}  // namespace journal_field

// "echo[2]": the SYSLOG_IDENTIFIER of what a worker writes.
[[nodiscard]] inline std::string worker_identifier(const std::string& pool, unsigned slot) {
  return pool + '[' + std::to_string(slot) + ']';
}

}  // namespace preforkd
