// SPDX-License-Identifier: MIT
#include "master/base/log.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <utility>

#include "base/file_identity.hpp"
#include "base/stderr_line.hpp"
#include "master/base/journal_socket.hpp"

namespace preforkd::log {
namespace {

using namespace std::string_view_literals;

struct State {
  Sink sink = find_sink();
  Level max_level = Level::info;
  bool with_time = false;
  Fields common;
  JournalSocket journal;
  unsigned long dropped = 0;
};

State& state() {
  static State the_state;
  return the_state;
}

bool write_journal(Level level, std::string_view message, const Fields& fields) {
  std::string entry;
  JournalSocket::add_field(entry, "MESSAGE", message);
  JournalSocket::add_field(entry, "PRIORITY", std::to_string(static_cast<int>(level)));
  JournalSocket::add_field(entry, "SYSLOG_IDENTIFIER", "preforkd");
  for (const Field& field : state().common) JournalSocket::add_field(entry, field.name, field.value);
  for (const Field& field : fields) JournalSocket::add_field(entry, field.name, field.value);
  return state().journal.send(entry);
}

// "2026-11-23T12:00:00.000+0100 "
std::string time_stamp() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  tm local{};
  localtime_r(&now.tv_sec, &local);
  std::array<char, 32> second{};
  std::array<char, 8> zone{};
  std::strftime(second.data(), second.size(), "%Y-%m-%dT%H:%M:%S", &local);
  std::strftime(zone.data(), zone.size(), "%z", &local);
  const std::string milliseconds = std::to_string(1000 + now.tv_nsec / 1'000'000).substr(1);
  return std::string(second.data()) + "." + milliseconds + zone.data() + " ";
}

// The reader of stderr removes the level. With --log-target journal the reader may be any program.
bool takes_prefix() noexcept {
  return state().sink == Sink::prefixed || (state().sink == Sink::journal && stderr_is_journal());
}

std::string make_line(bool prefixed, Level level, std::string_view message) {
  std::string line;
  if (prefixed) line = "<" + std::to_string(static_cast<int>(level)) + ">";
  if (state().with_time) line += time_stamp();
  if (!prefixed) line += "preforkd: ";
  line += message.substr(0, PIPE_BUF - line.size() - 1);
  line += '\n';
  return line;
}

// If journald accepts no entry it may still accept a line: stderr is one of its streams and holds some 200 KiB.
bool put(Level level, std::string_view message, const Fields& fields) {
  const Sink sink = state().sink;
  if (sink == Sink::null || (sink == Sink::journal && write_journal(level, message, fields))) return true;
  return write_stderr_line(make_line(takes_prefix(), level, message));
}

template <class Value>
struct Word {
  const char* word;
  Value value;
};

constexpr std::array<Word<Level>, 5> levels = {{{"error", Level::error},
                                                {"warning", Level::warning},
                                                {"notice", Level::notice},
                                                {"info", Level::info},
                                                {"debug", Level::debug}}};
constexpr const char* fitting_sink = "auto";
constexpr std::array<Word<Sink>, 4> sinks = {
    {{"journal", Sink::journal}, {"console", Sink::plain}, {"console-prefixed", Sink::prefixed}, {"null", Sink::null}}};

template <class Value, std::size_t size>
std::optional<Value> find_value(const std::array<Word<Value>, size>& words, std::string_view text) noexcept {
  const auto found = std::find_if(words.begin(), words.end(), [&](const auto& each) { return each.word == text; });
  return found == words.end() ? std::nullopt : std::optional(found->value);
}

template <class Value, std::size_t size>
const char* find_word(const std::array<Word<Value>, size>& words, Value value) noexcept {
  return std::find_if(words.begin(), words.end(), [&](const auto& each) { return each.value == value; })->word;
}

// "a, b or c".
template <class Value, std::size_t size>
std::string list(const std::array<Word<Value>, size>& words) {
  std::string text = words.front().word;
  for (std::size_t i = 1; i < size; ++i) text += (i + 1 < size ? ", " : " or ") + std::string(words[i].word);
  return text;
}

}  // namespace

std::optional<Level> parse_level(std::string_view text) noexcept { return find_value(levels, text); }
const char* word_of(Level level) noexcept { return find_word(levels, level); }
std::string level_words() { return list(levels); }

std::optional<Sink> parse_target(std::string_view text) noexcept {
  return text == fitting_sink ? find_sink() : find_value(sinks, text);
}
const char* word_of(Sink sink) noexcept { return find_word(sinks, sink); }
std::string target_words() { return fitting_sink + (", " + list(sinks)); }

bool stderr_is_journal() noexcept {
  const char* named = std::getenv("JOURNAL_STREAM");
  if (named == nullptr) return false;
  unsigned long long device = 0;
  unsigned long long inode = 0;
  if (std::sscanf(named, "%llu:%llu", &device, &inode) != 2) return false;
  return FileIdentity::of(STDERR_FILENO) == FileIdentity{device, inode};
}

Sink find_sink() noexcept { return stderr_is_journal() ? Sink::journal : Sink::plain; }

void open(Sink sink, Level max_level, bool with_time) {
  state().sink = sink;
  state().max_level = max_level;
  state().with_time = with_time;
}

Level level() noexcept { return state().max_level; }
Sink sink() noexcept { return state().sink; }
void set_level(Level max_level) noexcept { state().max_level = max_level; }
void set_sink(Sink sink) noexcept { state().sink = sink; }

void add_common_field(Field field) { state().common.push_back(std::move(field)); }

void write_last_words(std::string_view message) noexcept {
  if (state().sink == Sink::null) return;
  for (const std::string_view part : {takes_prefix() ? "<3>"sv : "preforkd: "sv, message, "\n"sv})
    static_cast<void>(write_stderr_line(part));
}

void write(Level level, std::string_view message, const Fields& fields) noexcept {
  State& log = state();
  if (level > log.max_level) return;
  try {
    if (log.dropped > 0) {
      const std::string note =
          "(" + std::to_string(log.dropped) + " log lines were dropped because they were not read)";
      if (put(Level::warning, note, {})) log.dropped = 0;
    }
    if (log.dropped > 0 || !put(level, message, fields)) ++log.dropped;
  } catch (const std::exception&) {
    // Out of memory: only this line is lost.
    ++log.dropped;
  }
}

}  // namespace preforkd::log
