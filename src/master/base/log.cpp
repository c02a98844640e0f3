// SPDX-License-Identifier: MIT
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "master/base/log.hpp"

#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <systemd/sd-journal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace preforkd::log {
namespace {

struct State {
  Sink sink = find_sink();
  Level most_verbose = Level::info;
  Fields common;
  unsigned long dropped = 0;
};

State& state() {
  static State the_state;
  return the_state;
}

bool write_journal(Level level, std::string_view message, const Fields& fields) {
  std::vector<std::string> entries;
  entries.reserve(3 + fields.size() + state().common.size());
  entries.push_back("MESSAGE=" + std::string(message));
  entries.push_back("PRIORITY=" + std::to_string(static_cast<int>(level)));
  entries.emplace_back("SYSLOG_IDENTIFIER=preforkd");
  for (const Field& field : state().common) entries.push_back(field.name + "=" + field.value);
  for (const Field& field : fields) entries.push_back(field.name + "=" + field.value);
  std::vector<iovec> parts;
  parts.reserve(entries.size());
  for (std::string& entry : entries) parts.push_back({entry.data(), entry.size()});
  return sd_journal_sendv(parts.data(), static_cast<int>(parts.size())) >= 0;
}

// A pipe that polls writable takes PIPE_BUF bytes at once, so neither a full pipe nor a terminal stopped by ^S blocks
// the master. O_NONBLOCK would do that too, but for every process that shares the terminal.
bool write_without_blocking(std::string_view line) noexcept {
  pollfd waiting{STDERR_FILENO, POLLOUT, 0};
  if (poll(&waiting, 1, 0) != 1 || (waiting.revents & POLLOUT) == 0) return false;
  const std::size_t size = std::min<std::size_t>(line.size(), PIPE_BUF);
  return ::write(STDERR_FILENO, line.data(), size) >= 0;
}

std::string make_line(Sink sink, Level level, std::string_view message) {
  std::string line;
  if (sink == Sink::plain) {
    line = "preforkd: ";
  } else {
    line = "<" + std::to_string(static_cast<int>(level)) + ">";
  }
  line += message.substr(0, PIPE_BUF - line.size() - 1);
  line += '\n';
  return line;
}

void write_stderr(Sink sink, Level level, std::string_view message) {
  State& log = state();
  if (log.dropped > 0) {
    const std::string note = "(" + std::to_string(log.dropped) + " log lines were dropped: nobody read them)";
    if (write_without_blocking(make_line(sink, Level::warning, note))) log.dropped = 0;
  }
  if (log.dropped > 0 || !write_without_blocking(make_line(sink, level, message))) ++log.dropped;
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) noexcept {
  constexpr std::array<std::pair<std::string_view, Level>, 5> levels{{{"error", Level::error},
                                                                      {"warning", Level::warning},
                                                                      {"notice", Level::notice},
                                                                      {"info", Level::info},
                                                                      {"debug", Level::debug}}};
  for (const auto& [name, level] : levels) {
    if (name == text) return level;
  }
  return std::nullopt;
}

bool stderr_is_journal() noexcept {
  const char* named = std::getenv("JOURNAL_STREAM");
  if (named == nullptr) return false;
  unsigned long long device = 0;
  unsigned long long inode = 0;
  struct stat now {};
  if (std::sscanf(named, "%llu:%llu", &device, &inode) != 2 || fstat(STDERR_FILENO, &now) != 0) return false;
  return now.st_dev == device && now.st_ino == inode;
}

Sink find_sink() noexcept {
  if (stderr_is_journal()) return Sink::journal;
  return isatty(STDERR_FILENO) == 1 ? Sink::plain : Sink::prefixed;
}

void open(Sink sink, Level most_verbose) {
  state().sink = sink;
  state().most_verbose = most_verbose;
}

Level level() noexcept { return state().most_verbose; }
Sink sink() noexcept { return state().sink; }
void set_level(Level most_verbose) noexcept { state().most_verbose = most_verbose; }
void set_sink(Sink sink) noexcept { state().sink = sink; }

void add_common_field(Field field) { state().common.push_back(std::move(field)); }

void write(Level level, std::string_view message, const Fields& fields) noexcept {
  try {
    const State& log = state();
    if (level > log.most_verbose) return;
    if (log.sink == Sink::journal && write_journal(level, message, fields)) return;
    write_stderr(log.sink == Sink::plain ? Sink::plain : Sink::prefixed, level, message);
  } catch (const std::exception&) {
    // Out of memory: a lost line is all that may come of it.
    ++state().dropped;
  }
}

}  // namespace preforkd::log
