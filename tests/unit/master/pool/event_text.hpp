// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "base/time_span.hpp"
#include "master/pool/event.hpp"

namespace preforkd {

// " 3 full 1 failed": those above 0.
inline std::string not_taken_text(const NotTakenCounts& connections) {
  std::string text;
  for (std::size_t index = 0; index < connections.size(); ++index) {
    if (connections[index] == 0) continue;
    text += ' ' + std::to_string(connections[index]) + ' ' + std::string(to_string(static_cast<NotTaken>(index)));
  }
  return text;
}

// Reads a line from its front. Throws std::invalid_argument for anything unexpected.
class LineReader {
 public:
  explicit LineReader(std::string_view line) : rest_(line) {}

  [[nodiscard]] bool done() const noexcept { return rest_.empty(); }
  // Takes `text` if the line continues with it.
  bool take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  // The same at the line's end.
  bool take_last(std::string_view text) {
    if (!rest_.ends_with(text)) return false;
    rest_.remove_suffix(text.size());
    return true;
  }
  void expect(std::string_view text) {
    if (!take(text)) fail("expected \"" + std::string(text) + '"');
  }
  // The text before `end`, which is taken, too; without `end` all the rest.
  std::string_view until(std::string_view end) {
    const std::string_view found = rest_.substr(0, rest_.find(end));
    rest_.remove_prefix(std::min(rest_.size(), found.size() + end.size()));
    return found;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }

  template <class Number>
  Number number() {
    Number found{};
    const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), found);
    if (error != std::errc()) fail("expected a number");
    rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
    return found;
  }
  WorkerId id() { return WorkerId{number<std::uint64_t>()}; }
  Duration span() {
    const bool negative = take("-");
    const Duration found = value(parse_time_span(until("\n")));
    return negative ? -found : found;
  }
  // The errno whose text is the rest.
  int error() {
    const std::string_view text = rest();
    for (int error = 0; error < 4096; ++error) {
      if (errno_text(error) == text) return error;
    }
    fail("not an error's text: " + std::string(text));
  }
  // A reason, with the errno whose text ends it.
  Error reason() {
    Error found{std::string(rest())};
    for (int error = 1; error < 4096; ++error) {
      if (found.text.ends_with(errno_text(error))) found.number = error;
    }
    return found;
  }

  template <class T>
  T value(Result<T> result) const {
    if (!result) fail(result.error().text);
    return std::move(*result);
  }
  [[noreturn]] void fail(const std::string& why) const {
    throw std::invalid_argument(why + ", before \"" + std::string(rest_) + '"');
  }

 private:
  std::string_view rest_;
};

// Each key that affects a pool's decisions, with its value. If a key of these parts of a config is missing, this does
// not compile.
template <class Config, class Visit>
void for_each_key(Config& config, Visit&& visit) {
  auto& [initial, min, max] = config.workers;
  auto& [delay, max_delay, forget_after, never] = config.restart;
  auto& [requests, age, memory, jitter, at_most] = config.recycle;
  auto& [max_surge, max_unavailable, soak, max_draining] = config.reload;
  visit("workers.initial", initial);
  visit("workers.min", min);
  visit("workers.max", max);
  visit("scale", config.scale);
  visit("ready", config.ready);
  visit("start_timeout", config.start_timeout);
  visit("drain_timeout", config.drain_timeout);
  visit("hang_timeout", config.hang_timeout);
  visit("stop", config.stop);
  visit("stop_signal", config.stop_signal);
  visit("restart.delay", delay);
  visit("restart.max_delay", max_delay);
  visit("restart.forget_after", forget_after);
  visit("restart.never", never);
  visit("recycle.requests", requests);
  visit("recycle.age", age);
  visit("recycle.memory", memory);
  visit("recycle.jitter", jitter);
  visit("recycle.at_most", at_most);
  visit("reload.max_surge", max_surge);
  visit("reload.max_unavailable", max_unavailable);
  visit("reload.soak", soak);
  visit("reload.max_draining", max_draining);
  visit("rebalance", config.rebalance);
}

// A key's value as text without a blank, and the parser of that text.
struct KeyText {
  static std::string text(std::uint64_t number) { return std::to_string(number); }
  static std::string text(unsigned number) { return std::to_string(number); }
  static std::string text(int signal) { return signal_name(signal); }
  static std::string text(double fraction) { return std::to_string(std::lround(fraction * 100)) + '%'; }
  static std::string text(const ScaleConfig&) { return "on"; }  // the pool only decides by whether there is one
  static std::string text(ReadyMode mode) { return mode == ReadyMode::exec ? "exec" : "notify"; }
  static std::string text(StopMode mode) { return std::string(stop_words.at(static_cast<std::size_t>(mode))); }
  static std::string text(RebalanceMode mode) { return mode == RebalanceMode::off ? "off" : "on-resize"; }
  static std::string text(Duration time) {
    std::string all = format_time_span(time);
    std::erase(all, ' ');
    return all;
  }
  static std::string text(const std::vector<int>& numbers) {
    std::string all;
    for (const int number : numbers) all += (all.empty() ? "" : ",") + std::to_string(number);
    return all;
  }
  static std::string text(const std::variant<unsigned, double>& surge) {
    return std::visit([](auto value) { return text(value); }, surge);
  }
  template <class T>
  static std::string text(const std::optional<T>& value) {
    return value ? text(*value) : "off";
  }

  static void read(LineReader& line, std::uint64_t& number) { number = line.number<std::uint64_t>(); }
  static void read(LineReader& line, unsigned& number) { number = line.number<unsigned>(); }
  static void read(LineReader& line, int& signal) { signal = line.value(parse_signal(line.rest())); }
  static void read(LineReader& line, double& fraction) {
    fraction = line.number<unsigned>() / 100.0;
    line.expect("%");
  }
  static void read(LineReader& line, ScaleConfig&) { line.expect("on"); }
  static void read(LineReader& line, ReadyMode& mode) {
    mode = line.take("exec") ? ReadyMode::exec : ReadyMode::notify;
    if (mode == ReadyMode::notify) line.expect("notify");
  }
  static void read(LineReader& line, StopMode& mode) {
    std::size_t word = 0;
    while (word < stop_words.size() && !line.take(stop_words.at(word))) ++word;
    if (word == stop_words.size()) line.fail("not a way to stop");
    mode = static_cast<StopMode>(word);
  }
  static void read(LineReader& line, RebalanceMode& mode) {
    mode = line.take("off") ? RebalanceMode::off : RebalanceMode::on_resize;
    if (mode == RebalanceMode::on_resize) line.expect("on-resize");
  }
  static void read(LineReader& line, Duration& time) { time = line.span(); }
  static void read(LineReader& line, std::vector<int>& numbers) {
    for (numbers.clear(); !line.done(); line.take(",")) numbers.push_back(line.number<int>());
  }
  static void read(LineReader& line, std::variant<unsigned, double>& surge) {
    const auto number = line.number<unsigned>();
    surge = number;
    if (line.take("%")) surge = number / 100.0;
  }
  template <class T>
  static void read(LineReader& line, std::optional<T>& value) {
    value.reset();
    if (!line.take("off")) read(line, value.emplace());
  }
};

// " workers.max=10 hang_timeout=2s": the keys that differ from PoolConfig{}.
inline std::string config_text(const PoolConfig& config) {
  std::vector<std::string> usual;
  const PoolConfig unchanged;
  for_each_key(unchanged, [&](const char* /*key*/, const auto& value) { usual.push_back(KeyText::text(value)); });
  std::string all;
  for_each_key(config, [&, next = usual.begin()](const std::string& key, const auto& value) mutable {
    const std::string text = KeyText::text(value);
    if (text != *next++) all += ' ' + key + '=' + text;
  });
  return all;
}

// Sets "workers.max=10 hang_timeout=2s" in `config`.
inline PoolConfig parse_config(std::string_view text, PoolConfig config) {
  for (LineReader words(text); !words.done();) {
    LineReader value(words.until(" "));
    const std::string_view key = value.until("=");
    bool known = false;
    for_each_key(config, [&](std::string_view name, auto& field) {
      if (name != key) return;
      known = true;
      KeyText::read(value, field);
    });
    if (!known) value.fail("not a key that a pool decides by: " + std::string(key));
    if (!value.done()) value.fail("too much for " + std::string(key));
  }
  return config;
}

namespace event {

inline std::string text(WorkerId id) { return std::to_string(static_cast<std::uint64_t>(id)); }

inline std::string text(const Start& /*event*/) { return "start"; }
inline std::string text(const WorkerHeard& event) { return "worker-heard " + text(event.id); }
inline std::string text(const WorkerExecuted& event) { return "worker-executed " + text(event.id); }
inline std::string text(const WorkerReady& event) { return "worker-ready " + text(event.id); }
inline std::string text(const WorkerStopping& event) { return "worker-stopping " + text(event.id); }
inline std::string text(const WorkerAlive& event) { return "worker-alive " + text(event.id); }
inline std::string text(const WorkerWatchdogTimeout& event) {
  return "worker-watchdog-timeout " + text(event.id) + ": " + format_time_span(event.timeout);
}
inline std::string text(const WorkerWatchdogTrigger& event) { return "worker-watchdog-trigger " + text(event.id); }
inline std::string text(const WorkerExtends& event) {
  return "worker-extends " + text(event.id) + ": " + format_time_span(event.by);
}
inline std::string text(const WorkersUnheard& event) {
  std::string all = "workers-unheard";
  for (const WorkerId id : event.ids) all += ' ' + text(id);
  return all;
}
inline std::string text(const WorkerMeasured& event) {
  return "worker-measured " + text(event.id) + ": requests " + std::to_string(event.requests) +
         (event.memory_bytes ? ", memory " + std::to_string(*event.memory_bytes) : "");
}
inline std::string text(const WorkerMoves& event) {
  return "worker-moves " + text(event.id) + ": protocol " + std::to_string(event.moves.protocol) + ", framing " +
         std::to_string(event.moves.framing);
}
inline std::string text(const WorkerTalks& event) {
  return "worker-talks " + text(event.id) + ": protocol " + std::to_string(event.protocol);
}
inline std::string text(const WorkerSeeks& event) {
  return "worker-seeks " + text(event.id) + ": " + std::to_string(event.connections);
}
inline std::string text(const WorkerGave& event) {
  return "worker-gave " + text(event.id) + ": " + std::to_string(event.connections) + ", closed " +
         std::to_string(event.closed) + (event.refused == NotTakenCounts{} ? "" : ", refused") +
         not_taken_text(event.refused) + (event.by_keeper ? ", by its keeper" : "");
}
inline std::string used_text(const LifetimeUsage& used) {
  if (used == LifetimeUsage{}) return "";
  return ", used " + std::to_string(used.cpu.count()) + " us and " + std::to_string(used.max_memory) + " bytes";
}
inline std::string text(const WorkerExited& event) {
  return "worker-exited " + text(event.id) + (event.pid == 0 ? "" : " (pid " + std::to_string(event.pid) + ")") +
         used_text(event.used) + ": " + to_string(event.status) + (event.oom ? ", oom" : "") +
         (event.remains ? ", remains" : "");
}
inline std::string text(const RemainsGone& event) { return "remains-gone " + text(event.id); }
inline std::string text(const LaunchFailed& event) {
  return "launch-failed " + text(event.id) + ": " + event.error.text;
}
inline std::string text(const Reload& event) { return "reload" + config_text(*event.config); }
inline std::string text(const Adopt& event) { return "adopt" + config_text(*event.config); }
inline std::string text(const Resize& event) { return "resize " + std::to_string(event.workers); }
inline std::string text(const Scale& event) { return "scale " + std::to_string(event.workers); }
inline std::string text(const Unpin& /*event*/) { return "unpin"; }
inline std::string text(const Recycle& event) { return "recycle " + std::to_string(event.slot); }
inline std::string text(const Rebalance& /*event*/) { return "rebalance"; }
inline std::string text(const Kill& event) {
  return "kill " + std::to_string(event.slot) + ' ' + signal_name(event.signal);
}
inline std::string text(const Stop& /*event*/) { return "stop"; }
inline std::string text(const StopNow& /*event*/) { return "stop-now"; }
inline std::string text(const Tick& /*event*/) { return "tick"; }

}  // namespace event

// "worker-exited 7 (pid 4711): signal 9 (SIGKILL), remains", "reload workers.max=10": one line. A config is shown by
// the keys that affect a pool's decisions.
inline std::string to_string(const Event& event) {
  return std::visit([](const auto& what) { return event::text(what); }, event);
}

// Reads the output of to_string(Event). An alternative of Event without a read() below does not compile.
class EventReader {
 public:
  // A config's keys override those of `base`.
  EventReader(std::string_view line, const PoolConfig& base) : line_(line), base_(base) {}

  Event event() { return any_of(std::type_identity<Event>()); }

 private:
  template <class... Kinds>
  Event any_of(std::type_identity<std::variant<Kinds...>> /*of*/) {
    std::optional<Event> found;
    const std::string_view name = line_.until(" ");
    static_cast<void>((read_if<Kinds>(name, found) || ...));
    if (!found) line_.fail("not an event: " + std::string(name));
    if (!line_.done()) line_.fail("too much for " + std::string(name));
    return std::move(*found);
  }

  template <class Kind>
  bool read_if(std::string_view name, std::optional<Event>& found) {
    Kind event;
    if constexpr (requires { event.config; }) event.config = std::make_shared<const PoolConfig>();
    const std::string text = to_string(Event(event));
    if (name != text.substr(0, text.find(' '))) return false;
    read(event);
    found = std::move(event);
    return true;
  }

  template <class Kind>
  requires(std::is_empty_v<Kind>) void read(Kind& /*event*/) {}

  template <class Kind>
  requires(sizeof(Kind) == sizeof(Kind::id)) void read(Kind& event) { event.id = line_.id(); }

  void read(event::WorkerWatchdogTimeout& event) {
    event.id = line_.id();
    line_.expect(": ");
    event.timeout = line_.span();
  }

  void read(event::WorkerExtends& event) {
    event.id = line_.id();
    line_.expect(": ");
    event.by = line_.span();
  }

  void read(event::WorkersUnheard& event) {
    for (; !line_.done(); line_.take(" ")) event.ids.push_back(line_.id());
  }

  void read(event::WorkerMeasured& event) {
    event.id = line_.id();
    line_.expect(": requests ");
    event.requests = line_.number<std::uint64_t>();
    if (line_.take(", memory ")) event.memory_bytes = line_.number<std::uint64_t>();
  }

  void read(event::WorkerMoves& event) {
    event.id = line_.id();
    line_.expect(": protocol ");
    event.moves.protocol = line_.number<std::uint32_t>();
    line_.expect(", framing ");
    event.moves.framing = line_.number<std::uint64_t>();
  }

  void read(event::WorkerTalks& event) {
    event.id = line_.id();
    line_.expect(": protocol ");
    event.protocol = line_.number<std::uint32_t>();
  }

  void read(event::WorkerSeeks& event) { read_connections(event); }
  void read(event::WorkerGave& event) {
    read_connections(event);
    line_.expect(", closed ");
    event.closed = line_.number<std::uint32_t>();
    for (bool more = line_.take(", refused"); more && line_.take(" ");) {
      const auto connections = line_.number<std::uint64_t>();
      line_.expect(" ");
      std::size_t reason = 0;
      while (reason + 1 < not_taken_count && !line_.take(to_string(static_cast<NotTaken>(reason)))) ++reason;
      event.refused[reason] = connections;
    }
    event.by_keeper = line_.take(", by its keeper");
  }
  template <class Kind>
  void read_connections(Kind& event) {
    event.id = line_.id();
    line_.expect(": ");
    event.connections = line_.number<std::uint32_t>();
  }

  void read(event::WorkerExited& event) {
    event.id = line_.id();
    if (line_.take(" (pid ")) {
      event.pid = line_.number<pid_t>();
      line_.expect(")");
    }
    if (line_.take(", used ")) {
      event.used.cpu = Duration(line_.number<Duration::rep>());
      line_.expect(" us and ");
      event.used.max_memory = line_.number<std::uint64_t>();
      line_.expect(" bytes");
    }
    line_.expect(": ");
    event.remains = line_.take_last(", remains");
    event.oom = line_.take_last(", oom");
    event.status = status();
  }

  void read(event::LaunchFailed& event) {
    event.id = line_.id();
    line_.expect(": ");
    event.error = line_.reason();
  }

  void read(event::Reload& event) { event.config = config(); }
  void read(event::Adopt& event) { event.config = config(); }
  void read(event::Resize& event) { event.workers = line_.number<unsigned>(); }
  void read(event::Scale& event) { event.workers = line_.number<unsigned>(); }
  void read(event::Recycle& event) { event.slot = line_.number<unsigned>(); }

  void read(event::Kill& event) {
    event.slot = line_.number<unsigned>();
    line_.expect(" ");
    event.signal = line_.value(parse_signal(line_.rest()));
  }

  std::shared_ptr<const PoolConfig> config() {
    return std::make_shared<const PoolConfig>(parse_config(line_.rest(), base_));
  }

  ExitStatus status() {
    using Kind = ExitStatus::Kind;
    const std::string_view text = line_.rest();
    if (text == to_string(ExitStatus{})) return {};
    for (int value = 0; value < 256; ++value) {
      for (const Kind kind : {Kind::exited, Kind::signaled, Kind::dumped}) {
        if (ExitStatus found{kind, value, {}}; text == to_string(found)) return found;
      }
    }
    LineReader failure(text);
    const std::string step(failure.until(": "));
    return {Kind::exec_failed, failure.error(), step};
  }

  LineReader line_;
  const PoolConfig& base_;
};

inline Event parse_event(std::string_view line, const PoolConfig& base = {}) { return EventReader(line, base).event(); }

}  // namespace preforkd
