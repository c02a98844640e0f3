// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace preforkd::ctl {

// What journalctl(1) is given to show the story of a pool, or of one slot of it: what preforkd says about it
// (PREFORK_POOL=, PREFORK_WORKER=), and what the workers write (SYSLOG_IDENTIFIER=POOL[SLOT]). A whole pool also has
// the lines of its unit, from a worker that is not known yet; `identifiers` are those of its workers.
[[nodiscard]] std::vector<std::string> journal_matches(const std::string& pool, std::optional<std::uint32_t> slot,
                                                       const std::vector<std::string>& identifiers);

}  // namespace preforkd::ctl
