// SPDX-License-Identifier: MIT
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace preforkd::log {

// The master's log: one line per event, to the journal with native fields if stderr is a journal stream, else as plain
// text to stderr. If journald or the reader of stderr stalls, lines are lost but the pool is not held up: what cannot
// be written at once is dropped and counted.

enum class Level { error = 3, warning = 4, notice = 5, info = 6, debug = 7 };  // values of syslog(3)
enum class Sink {
  journal,
  prefixed,  // stderr, with the level as <N> (sd-daemon(3)), for a reader that removes it
  plain,     // stderr, "preforkd: …"
  null
};

struct Field {
  std::string name;  // "PREFORK_WORKER"
  std::string value;
};
using Fields = std::vector<Field>;

// Levels by their words: "error", "warning", "notice", "info" and "debug". nullopt for any other text.
[[nodiscard]] std::optional<Level> parse_level(std::string_view text) noexcept;
[[nodiscard]] const char* word_of(Level level) noexcept;
[[nodiscard]] std::string level_words();  // "error, warning, notice, info or debug"

// Sinks by their words in systemd, and "auto" for find_sink(). nullopt for any other text.
[[nodiscard]] std::optional<Sink> parse_target(std::string_view text) noexcept;
[[nodiscard]] const char* word_of(Sink sink) noexcept;
[[nodiscard]] std::string target_words();  // "auto, journal, console, console-prefixed or null"

// True if file descriptor 2 is the journal stream that $JOURNAL_STREAM names (systemd.exec(5)).
[[nodiscard]] bool stderr_is_journal() noexcept;

// The sink that fits file descriptor 2.
[[nodiscard]] Sink find_sink() noexcept;

// Before open() lines go to find_sink() at Level::info. `with_time`: lines on stderr begin with the time.
void open(Sink sink, Level max_level, bool with_time = false);

[[nodiscard]] Level level() noexcept;
[[nodiscard]] Sink sink() noexcept;
void set_level(Level max_level) noexcept;
void set_sink(Sink sink) noexcept;

// A field of every journal entry from now on (PREFORK_POOL).
void add_common_field(Field field);

void write(Level level, std::string_view message, const Fields& fields = {}) noexcept;

// Writes a line to stderr, as an error, without allocating memory.
void write_last_words(std::string_view message) noexcept;

inline void error(std::string_view message, const Fields& fields = {}) noexcept {
  write(Level::error, message, fields);
}
inline void warning(std::string_view message, const Fields& fields = {}) noexcept {
  write(Level::warning, message, fields);
}
inline void notice(std::string_view message, const Fields& fields = {}) noexcept {
  write(Level::notice, message, fields);
}
inline void info(std::string_view message, const Fields& fields = {}) noexcept { write(Level::info, message, fields); }
inline void debug(std::string_view message, const Fields& fields = {}) noexcept {
  write(Level::debug, message, fields);
}

}  // namespace preforkd::log
