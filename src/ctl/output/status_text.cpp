// SPDX-License-Identifier: MIT
#include "ctl/output/status_text.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/counted.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/table.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::size_t label_width = 11;  // that of "Generation:"

std::string indented(std::string_view label, const std::string& text) {
  return std::string(label_width - label.size(), ' ').append(label).append(": ").append(text);
}

std::string reload_text(const ReloadSnapshot& reload, std::uint64_t now) {
  const std::string message = reload.message.substr(0, reload.message.find('\n'));
  return human_age(reload.at, now) + " ago, " + (reload.ok ? "" : "failed: ") + printable(message);
}

std::string queue_text(const ListenerSnapshot& listener) {
  if (listener.limit == 0) return "";
  return " (queue " + std::to_string(listener.queued) + '/' + std::to_string(listener.limit) + ')';
}

std::string load_text(const PoolSnapshot& pool, std::optional<double> rate) {
  const CounterSnapshot& counters = pool.counters;
  if (!counters.counts) {
    return std::string("not counted") + (pool.ready_workers > 0 ? " (the program does not use libprefork)" : "");
  }
  return counted(counters.connections, "connection") + " (" + std::to_string(counters.connections_total) +
         " so far), " + counted(counters.requests_total, "request") + (rate ? " (" + human_rate(*rate) + ')' : "") +
         ", " + human_bytes(counters.bytes_in) + " in, " + human_bytes(counters.bytes_out) + " out";
}

// "5 refused by the limits per peer, 2 accept failures": what has occurred.
std::string not_served_text(const CounterSnapshot& counters) {
  std::string text;
  if (counters.connections_refused > 0)
    text = std::to_string(counters.connections_refused) + " refused by the limits per peer";
  if (counters.accept_failures > 0)
    text += (text.empty() ? "" : ", ") + counted(counters.accept_failures, "accept failure");
  return text;
}

// "3 peer-closed, 1 quota-exceeded": what has occurred, the most frequent first.
std::string by_name_text(const std::map<std::string, std::uint64_t>& counts) {
  std::vector<std::pair<std::uint64_t, std::string>> occurred;
  for (const auto& [name, count] : counts) {
    if (count > 0) occurred.emplace_back(count, name);
  }
  std::stable_sort(occurred.begin(), occurred.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  std::string text;
  for (const auto& [count, name] : occurred) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + ' ' + printable(name);
  }
  return text;
}

// "300 handed over, 297 adopted, 3 closed by keepers, not taken: 3 full": what has occurred.
std::string moved_text(const PoolSnapshot& pool) {
  std::string text;
  const auto add = [&](std::uint64_t connections, const char* what) {
    if (connections > 0) text += (text.empty() ? "" : ", ") + std::to_string(connections) + what;
  };
  add(pool.counters.connections_handed_over, " handed over");
  add(pool.counters.connections_adopted, " adopted");
  add(pool.connections_closed_by_keepers, " closed by keepers");
  const std::string not_taken = by_name_text(pool.connections_not_taken);
  if (!not_taken.empty()) text += (text.empty() ? "not taken: " : ", not taken: ") + not_taken;
  return text;
}

// "1200 between workers, 3 dropped"; empty if there was none.
std::string messages_text(const CounterSnapshot& counters) {
  if (counters.worker_messages == 0 && counters.worker_messages_dropped == 0) return "";
  const std::string dropped =
      counters.worker_messages_dropped > 0 ? ", " + std::to_string(counters.worker_messages_dropped) + " dropped" : "";
  return std::to_string(counters.worker_messages) + " between workers" + dropped;
}

// A connection that another worker has taken over has not ended: it is among those that have moved.
std::string closed_text(std::map<std::string, std::uint64_t> closes) {
  closes.erase("handed-over");
  return by_name_text(closes);
}

std::string application_text(const CounterSnapshot& counters) {
  std::string text;
  for (const auto& [name, count] : counters.application) {
    text += (text.empty() ? "" : ", ") + printable(name) + ' ' + std::to_string(count);
  }
  return text;
}

std::string workers_text(const PoolSnapshot& pool) {
  std::string text = std::to_string(pool.ready_workers) + '/' + std::to_string(pool.target_workers) + " ready";
  if (pool.draining_workers > 0) text += ", " + std::to_string(pool.draining_workers) + " draining";
  if (pool.min_workers != pool.max_workers) {
    text += " (from " + std::to_string(pool.min_workers) + " to " + std::to_string(pool.max_workers) +
            (pool.scaling == dbus::scaling::automatic ? " by load" : "") +
            (pool.scaling == dbus::scaling::pinned ? " by load, but set by an operator" : "") + ')';
  }
  return text;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + printable(word);
  return text;
}

// Everything else about a worker, as a list.
std::string remarks_text(const WorkerSnapshot& worker) {
  std::string text;
  const auto add = [&](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (!worker.status_text.empty()) add('"' + printable(worker.status_text) + '"');
  if (!worker.last_exit_cause.empty()) add("last exit: " + printable(worker.last_exit_cause));
  if (worker.crashes > 0) add(counted(worker.crashes, "crash"));
  if (worker.oom_kills.value_or(0) > 0) add(counted(*worker.oom_kills, "process") + " killed by the OOM killer");
  for (const auto& [resource, percent] : worker.pressure) {
    if (percent >= 1) add("waits for " + printable(resource) + ' ' + human_percent(percent) + " of the time");
  }
  return text;
}

std::string worker_tree(const std::vector<WorkerRow>& rows, const Style& style) {
  constexpr std::size_t indent = label_width + 2;
  Table table(
      {{"", false}, {"", true}, {"", false}, {"", false}, {"", true}, {"", true}, {"", true}, {"", true}, {"", false}});
  for (const WorkerRow& row : rows) {
    const WorkerSnapshot& worker = row.worker;
    const bool live = worker.pid != 0;
    const std::string_view branch = &row == &rows.back() ? style.last_branch() : style.branch();
    table.add({{std::string(branch) + std::to_string(worker.slot)},
               {live ? std::to_string(worker.pid) : ""},
               {printable(worker.state), state_colour(worker.state)},
               {live ? "generation " + std::to_string(worker.generation) : ""},
               {live && worker.counters.counts ? counted(worker.counters.connections, "connection") : ""},
               {row.requests_per_second ? human_rate(*row.requests_per_second) : ""},
               {row.cpu_percent ? human_percent(*row.cpu_percent) + " CPU" : ""},
               {worker.memory_bytes > 0 ? human_bytes(worker.memory_bytes) : ""},
               {row.detailed ? remarks_text(worker) : ""}});
  }
  Style inner = style;
  if (inner.columns != 0) inner.columns -= std::min(inner.columns - 1, indent);
  std::string text;
  std::string lines = table.text(inner, false);
  for (std::size_t at = 0; at < lines.size();) {
    const std::size_t end = lines.find('\n', at) + 1;
    text += std::string(indent, ' ') + lines.substr(at, end - at);
    at = end;
  }
  return text;
}

}  // namespace

std::string status_text(const KnownPool& known, const std::vector<WorkerRow>& workers, std::uint64_t now,
                        const Style& style) {
  const PoolSnapshot pool = known.answer.value_or(PoolSnapshot());
  std::string text;
  const auto add = [&](const std::string& line) {
    text += shorten(line, style.columns == 0 ? line.size() : style.columns, style.cut_mark()) + '\n';
  };

  const Colour colour = state_colour(known.state());
  const std::string state = known.answer ? pool.state : text_of(known.standing);
  text += style.paint(colour, style.dot()) + ' ' + style.paint(Colour::bold, printable(known.name)) +
          (pool.description.empty() ? "" : " - " + printable(pool.description)) + '\n';
  text += indented("State", style.paint(colour, printable(state))) + '\n';
  if (!known.config.problem.empty()) {
    text += indented("Problem", style.paint(Colour::red, "wrong config: " + printable(known.config.problem))) + '\n';
  }
  const std::string& config = known.answer ? pool.config_file : known.config.file;
  if (!config.empty()) add(indented("Config", printable(config)));
  if (!known.answer) return text;
  add(indented("Started", human_time(pool.started_at) + "; " + human_age(pool.started_at, now) + " ago" +
                              (pool.adopted_workers == 0
                                   ? ""
                                   : ", with " + counted(pool.adopted_workers, "worker") + " of an earlier master")));
  add(indented("Main PID", std::to_string(pool.main_pid) + " (preforkd " + printable(pool.version) + ')'));
  if (!pool.status_text.empty()) add(indented("Status", '"' + printable(pool.status_text) + '"'));
  add(indented("Program", joined(pool.program)));
  add(indented("Generation", std::to_string(pool.generation)));
  if (pool.last_reload.at != 0) add(indented("Reload", reload_text(pool.last_reload, now)));
  for (const ListenerSnapshot& listener : pool.listeners) {
    const bool first = &listener == &pool.listeners.front();
    const std::string line = printable(listener.address) + queue_text(listener);
    add(first ? indented("Listen", line) : std::string(label_width + 2, ' ') + line);
  }
  add(indented("Load", load_text(pool, total_rate(workers))));
  if (pool.counters.counts) {
    const std::string not_served = not_served_text(pool.counters);
    if (!not_served.empty()) add(indented("Not served", not_served));
    const std::string moved = moved_text(pool);
    if (!moved.empty()) add(indented("Moved", moved));
    const std::string messages = messages_text(pool.counters);
    if (!messages.empty()) add(indented("Messages", messages));
    const std::string closed = closed_text(pool.counters.closes);
    if (!closed.empty()) add(indented("Closed", closed));
    const std::string application = application_text(pool.counters);
    if (!application.empty()) add(indented("Counters", application));
  }
  add(indented("Ended", counted(pool.restarts, "restart") + ", " + counted(pool.crashes, "crash")));
  add(indented("Workers", workers_text(pool)));
  return text + worker_tree(workers, style);
}

}  // namespace preforkd::ctl
