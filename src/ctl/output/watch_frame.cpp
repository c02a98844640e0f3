// SPDX-License-Identifier: MIT
#include "ctl/output/watch_frame.hpp"

#include <algorithm>
#include <array>
#include <functional>
#include <string_view>

#include "base/counted.hpp"
#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/output/worker_table.hpp"

namespace preforkd::ctl {
namespace {

constexpr std::string_view keys =
    "q quit  sort by: s slot  c connections  r rate  m memory  t CPU time  a age  R reverse";

// The sort key; the lowest comes first.
double rank(const WorkerRow& row, SortKey key) {
  const WorkerSnapshot& worker = row.worker;
  switch (key) {
    case SortKey::slot:
      return worker.slot;
    case SortKey::connections:
      return -static_cast<double>(worker.counters.connections);
    case SortKey::rate:
      return -row.requests_per_second.value_or(-1);
    case SortKey::memory:
      return -static_cast<double>(worker.memory_bytes);
    case SortKey::cpu:
      return -static_cast<double>(worker.cpu_us);
    case SortKey::age:
      return -static_cast<double>(worker.started_at);
  }
  return 0;
}

// Without colours if it must be cut.
std::string head_line(const PoolSnapshot& pool, std::uint64_t now, const Style& style) {
  const std::string name = printable(pool.name);
  const std::string state = printable(pool.state);
  const std::string rest =
      "  generation " + std::to_string(pool.generation) + "  " + std::to_string(pool.ready_workers) + '/' +
      std::to_string(pool.target_workers) + " ready" +
      (pool.draining_workers > 0 ? ", " + std::to_string(pool.draining_workers) + " draining" : "") + "  up " +
      human_age(pool.started_at, now);
  const std::string plain = name + ' ' + state + rest;
  if (display_width(plain) > style.columns) return shorten(plain, style.columns, style.cut_mark());
  return style.paint(Colour::bold, name) + ' ' + style.paint(state_colour(pool.state), state) + rest;
}

std::string load_line(const PoolSnapshot& pool, const std::vector<WorkerRow>& rows) {
  const auto rate = total_rate(rows);
  const std::string load =
      pool.counters.counts
          ? counted(pool.counters.connections, "connection") + ", " + counted(pool.counters.requests_total, "request") +
                (rate ? " (" + human_rate(*rate) + ')' : "") + ", " + human_bytes(pool.counters.bytes_in) + " in, " +
                human_bytes(pool.counters.bytes_out) + " out"
          : "load not counted";
  return load + ", " + counted(pool.crashes, "crash") + ", " + counted(pool.restarts, "restart");
}

std::string queues_line(const PoolSnapshot& pool) {
  std::string text = "queues:";
  for (const ListenerSnapshot& listener : pool.listeners) {
    if (listener.limit == 0) continue;
    text += "  " + printable(listener.address) + ' ' + std::to_string(listener.queued) + '/' +
            std::to_string(listener.limit);
  }
  return text;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return lines;
}

}  // namespace

bool take_key(WatchOrder& order, char key) {
  if (key == 'R') {
    order.reversed = !order.reversed;
    return true;
  }
  if (key == '\0' || std::string_view("scrmta").find(key) == std::string_view::npos) return false;
  order = {static_cast<SortKey>(key), false};
  return true;
}

void sort_rows(std::vector<WorkerRow>& rows, WatchOrder order) {
  std::stable_sort(rows.begin(), rows.end(), [&](const WorkerRow& left, const WorkerRow& right) {
    const double first = rank(left, order.key);
    const double second = rank(right, order.key);
    return order.reversed ? first > second : first < second;
  });
}

std::string watch_frame(WatchView view, const Style& style, std::size_t height) {
  const PoolSnapshot& pool = view.pool;
  std::vector<WorkerRow>& rows = view.rows;
  sort_rows(rows, view.order);
  const auto cut = [&](const std::string& line) { return shorten(line, style.columns, style.cut_mark()); };
  std::vector<std::string> lines{head_line(pool, view.now, style), cut(load_line(pool, rows)), cut(queues_line(pool)),
                                 style.paint(Colour::red, cut(view.alarm))};
  for (std::string& line : lines_of(worker_table(rows, view.now).text(style, true))) lines.push_back(std::move(line));
  const std::size_t room = height > 1 ? height - 1 : 0;
  if (lines.size() > room) {
    const std::size_t hidden = std::min(lines.size() - room + 1, rows.size());
    lines.resize(room);
    if (room > 0) lines.back() = cut("and " + counted(hidden, "more worker"));
  }
  lines.push_back(style.paint(Colour::grey, cut(std::string(keys))));
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace preforkd::ctl
