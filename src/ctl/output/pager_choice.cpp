// SPDX-License-Identifier: MIT
#include "ctl/output/pager_choice.hpp"

#include <systemd/sd-login.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>
#include <string_view>

namespace preforkd::ctl {
namespace {

std::vector<std::string> words(const char* command) {
  std::istringstream stream(command);
  std::vector<std::string> found;
  for (std::string word; stream >> word;) found.push_back(word);
  return found;
}

bool is_no(std::string_view setting) {
  constexpr auto ways = std::to_array<std::string_view>({"0", "no", "n", "false", "f", "off"});
  return std::find(ways.begin(), ways.end(), setting) != ways.end();
}

}  // namespace

PagerTrust pager_trust(const char* setting, std::optional<uid_t> logged_in, uid_t runs) {
  if (setting != nullptr) return is_no(setting) ? PagerTrust::full : PagerTrust::confined;
  return logged_in == runs ? PagerTrust::full : PagerTrust::none;
}

PagerTrust pager_trust() {
  uid_t owner = 0;
  const bool known = ::sd_pid_get_owner_uid(0, &owner) >= 0;
  return pager_trust(std::getenv("SYSTEMD_PAGERSECURE"), known ? std::optional(owner) : std::nullopt, ::geteuid());
}

std::vector<std::vector<std::string>> pager_commands(PagerTrust trust) {
  const char* chosen = std::getenv("SYSTEMD_PAGER");
  if (chosen == nullptr) chosen = std::getenv("PAGER");
  const std::vector<std::string> command = words(chosen != nullptr ? chosen : "less");
  if (command.empty() || (command.size() == 1 && command.front() == "cat")) return {};
  if (trust == PagerTrust::none) return {{"less"}};
  if (chosen == nullptr && trust == PagerTrust::full) return {command, {"more"}};
  return {command};
}

}  // namespace preforkd::ctl
