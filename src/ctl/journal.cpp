// SPDX-License-Identifier: MIT
#include "ctl/journal.hpp"

#include <systemd/sd-journal.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace preforkd::ctl {
namespace {

struct Close {
  void operator()(sd_journal* journal) const noexcept { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

Journal open_journal() {
  sd_journal* journal = nullptr;
  return Journal(sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) >= 0 ? journal : nullptr);
}

// What follows "NAME=".
std::string value_of(const void* data, std::size_t size) {
  const std::string_view field(static_cast<const char*>(data), size);
  return std::string(field.substr(std::min(field.find('='), field.size() - 1) + 1));
}

}  // namespace

std::vector<std::string> last_lines(const std::string& identifier, pid_t pid, std::size_t most) {
  std::vector<std::string> lines;
  const Journal journal = open_journal();
  if (!journal) return lines;
  for (const std::string& match : {"SYSLOG_IDENTIFIER=" + identifier, "_PID=" + std::to_string(pid)}) {
    if (sd_journal_add_match(journal.get(), match.data(), match.size()) < 0) return lines;
  }
  if (sd_journal_seek_tail(journal.get()) < 0) return lines;
  while (lines.size() < most && sd_journal_previous(journal.get()) > 0) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal.get(), "MESSAGE", &data, &size) >= 0) lines.push_back(value_of(data, size));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

bool names_worker_of(const std::string& pool, const std::string& identifier) {
  if (!identifier.starts_with(pool + "[") || !identifier.ends_with("]")) return false;
  const std::string_view slot =
      std::string_view(identifier).substr(pool.size() + 1, identifier.size() - pool.size() - 2);
  return !slot.empty() && slot.find_first_not_of("0123456789") == std::string_view::npos;
}

std::vector<std::string> worker_identifiers(const std::string& pool) {
  std::vector<std::string> identifiers;
  const Journal journal = open_journal();
  if (!journal || sd_journal_query_unique(journal.get(), "SYSLOG_IDENTIFIER") < 0) return identifiers;
  const void* data = nullptr;
  std::size_t size = 0;
  while (sd_journal_enumerate_unique(journal.get(), &data, &size) > 0) {
    std::string identifier = value_of(data, size);
    if (names_worker_of(pool, identifier)) identifiers.push_back(std::move(identifier));
  }
  return identifiers;
}

}  // namespace preforkd::ctl
