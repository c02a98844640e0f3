// SPDX-License-Identifier: MIT
#include "ctl/journal/journal_matches.hpp"

namespace preforkd::ctl {

std::vector<std::string> journal_matches(const std::string& pool, std::optional<std::uint32_t> slot,
                                         const std::vector<std::string>& identifiers) {
  std::vector<std::string> matches{"PREFORK_POOL=" + pool};
  if (slot) {
    const std::string number = std::to_string(*slot);
    matches.push_back("PREFORK_WORKER=" + number);
    matches.insert(matches.end(), {"+", "SYSLOG_IDENTIFIER=" + pool + '[' + number + ']'});
    return matches;
  }
  matches.insert(matches.end(), {"+", "_SYSTEMD_UNIT=preforkd@" + pool + ".service"});
  if (!identifiers.empty()) matches.emplace_back("+");
  for (const std::string& identifier : identifiers) matches.push_back("SYSLOG_IDENTIFIER=" + identifier);
  return matches;
}

}  // namespace preforkd::ctl
