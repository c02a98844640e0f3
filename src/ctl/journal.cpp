// SPDX-License-Identifier: MIT
#include "ctl/journal.hpp"

#include <systemd/sd-journal.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string_view>

#include "base/apply_command.hpp"
#include "base/journal_fields.hpp"
#include "base/unit_names.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

using WallClock = std::chrono::system_clock;

struct Close {
  void operator()(sd_journal* journal) const noexcept { sd_journal_close(journal); }
};
using Journal = std::unique_ptr<sd_journal, Close>;

Journal open_journal() {
  sd_journal* journal = nullptr;
  return Journal(sd_journal_open(&journal, SD_JOURNAL_LOCAL_ONLY) >= 0 ? journal : nullptr);
}

bool match_all(sd_journal* journal, const std::vector<std::string>& matches) {
  sd_journal_flush_matches(journal);
  for (const std::string& match : matches) {
    if (sd_journal_add_match(journal, match.data(), match.size()) < 0) return false;
  }
  return sd_journal_seek_tail(journal) >= 0;
}

// The journal stream of the newest matching line, as a match; empty if it came by none.
std::string stream_of_newest(sd_journal* journal) {
  const void* data = nullptr;
  std::size_t size = 0;
  if (sd_journal_previous(journal) <= 0 || sd_journal_get_data(journal, "_STREAM_ID", &data, &size) < 0) return "";
  return {static_cast<const char*>(data), size};
}

// The last output of a process arrives in a burst.
constexpr std::chrono::milliseconds quiet{500};

bool has_files(sd_journal* journal) {
  return sd_journal_has_runtime_files(journal) > 0 || sd_journal_has_persistent_files(journal) > 0;
}

// False if the journal does not change until then.
bool wait_for_more(sd_journal* journal, WallClock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::microseconds>(until - WallClock::now());
  return left.count() > 0 && sd_journal_wait(journal, static_cast<std::uint64_t>(left.count())) > SD_JOURNAL_NOP;
}

// The part after "NAME=".
std::string value_of(const void* data, std::size_t size) {
  const std::string_view field(static_cast<const char*>(data), size);
  return std::string(field.substr(std::min(field.find('='), field.size() - 1) + 1));
}

std::vector<std::string> lines_now(sd_journal* journal, const std::string& identifier, pid_t pid, std::size_t max) {
  std::vector<std::string> lines;
  const std::string named = "SYSLOG_IDENTIFIER=" + identifier;
  const std::string by_process = "_PID=" + std::to_string(pid);
  if (!match_all(journal, {named, by_process})) return lines;
  const std::string stream = stream_of_newest(journal);
  if (!match_all(journal, {named, stream.empty() ? by_process : stream})) return lines;
  while (lines.size() < max && sd_journal_previous(journal) > 0) {
    const void* data = nullptr;
    std::size_t size = 0;
    if (sd_journal_get_data(journal, "MESSAGE", &data, &size) >= 0) lines.push_back(value_of(data, size));
  }
  std::reverse(lines.begin(), lines.end());
  return lines;
}

constexpr std::size_t max_last_lines = 20;
constexpr std::chrono::seconds journals_delay{2};  // on a busy machine

// As strerror(3) words them; some languages begin them with a small letter.
constexpr auto refusals = std::to_array<std::string_view>(
    {"Read-only file system", "Permission denied", "Operation not permitted", "Address family not supported"});

bool contains(std::string_view line, std::string_view phrase) {
  const auto same = [](unsigned char left, unsigned char right) { return std::tolower(left) == std::tolower(right); };
  return std::search(line.begin(), line.end(), phrase.begin(), phrase.end(), same) != line.end();
}

}  // namespace

std::vector<std::string> last_lines(const std::string& identifier, pid_t pid, std::size_t max,
                                    WallClock::time_point settled) {
  const Journal journal = open_journal();
  if (!journal || !has_files(journal.get())) return {};
  for (;;) {
    std::vector<std::string> lines = lines_now(journal.get(), identifier, pid, max);
    if (!wait_for_more(journal.get(), lines.empty() ? settled : std::min(settled, WallClock::now() + quiet)))
      return lines;
  }
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

std::vector<std::string> journal_matches(const std::string& pool, std::optional<std::uint32_t> slot,
                                         const std::vector<std::string>& identifiers) {
  std::vector<std::string> matches{std::string(journal_field::pool) + '=' + pool};
  if (slot) {
    matches.push_back(std::string(journal_field::worker) + '=' + std::to_string(*slot));
    matches.insert(matches.end(), {"+", "SYSLOG_IDENTIFIER=" + worker_identifier(pool, *slot)});
    return matches;
  }
  matches.insert(matches.end(), {"+", "_SYSTEMD_UNIT=" + service_unit(pool)});
  if (!identifiers.empty()) matches.emplace_back("+");
  for (const std::string& identifier : identifiers) matches.push_back("SYSLOG_IDENTIFIER=" + identifier);
  return matches;
}

std::string sandbox_hint(const std::string& pool, const std::vector<std::string>& lines) {
  for (const std::string_view phrase : refusals) {
    if (std::none_of(lines.begin(), lines.end(), [&](const std::string& line) { return contains(line, phrase); }))
      continue;
    return "\"" + std::string(phrase) +
           "\" may be the sandbox: \"writable\" and \"sandbox\" in the config change it, then " + apply_command(pool) +
           "; see SANDBOX in preforkd-generator(8)\n";
  }
  return "";
}

std::string last_words(PoolClient& pool, const PastExit& exit) {
  const BusTarget& bus = pool.bus().target();
  if (exit.pid == 0 || !bus.is_this_machine()) return "";
  const std::string slot = std::to_string(exit.slot);
  const std::string identifier = worker_identifier(pool.name(), exit.slot);
  const std::uint64_t now = wall_clock_now();
  const auto age = span_of(now - std::min(exit.at, now));  // independent of the time that the pool reports
  const auto settled = WallClock::now() + journals_delay - std::min<std::chrono::microseconds>(age, journals_delay);
  const auto lines = last_lines(identifier, static_cast<pid_t>(exit.pid), max_last_lines, settled);
  if (lines.empty()) return "";
  std::string text = "Last lines of worker " + slot + " (pid " + std::to_string(exit.pid) +
                     "); more: preforkctl logs " + pool.name() + ' ' + slot + '\n';
  for (const std::string& line : lines) text += "  " + printable(line) + '\n';
  return text + (bus.is_local_system() ? sandbox_hint(pool.name(), lines) : "");
}

}  // namespace preforkd::ctl
