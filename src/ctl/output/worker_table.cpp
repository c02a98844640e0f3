// SPDX-License-Identifier: MIT
#include "ctl/output/worker_table.hpp"

#include <algorithm>

#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

// ListWorkers() does not say whether a process counts; the processes of a pool mostly run one program.
WorkerRow undetailed(const ProcessSnapshot& process, bool others_count) {
  WorkerRow row;
  row.detailed = false;
  row.worker.slot = process.slot;
  row.worker.pid = process.pid;
  row.worker.state = process.state;
  row.worker.generation = process.generation;
  row.worker.counters.counts = others_count || process.connections > 0;
  row.worker.counters.connections = process.connections;
  return row;
}

std::string text_if(bool known, std::string text) { return known ? std::move(text) : std::string(); }

// The columns that are shown if a row has them.
struct Rates {
  bool requests = false;
  bool cpu = false;
};

std::vector<Table::Cell> cells(const WorkerRow& row, std::uint64_t now, Rates rates) {
  const WorkerSnapshot& worker = row.worker;
  const bool live = worker.pid != 0;
  const bool known = live && row.detailed;
  const bool counts = live && worker.counters.counts;
  std::vector<Table::Cell> all{
      {std::to_string(worker.slot)},
      {text_if(live, std::to_string(worker.pid))},
      {printable(worker.state), state_colour(worker.state)},
      {text_if(live, std::to_string(worker.generation))},
      {text_if(known, human_age(worker.started_at, now))},
      {text_if(counts, std::to_string(worker.counters.connections))},
      {text_if(counts && row.detailed, std::to_string(worker.counters.requests_total))},
  };
  if (rates.requests) all.push_back({row.requests_per_second ? human_rate(*row.requests_per_second) : ""});
  if (rates.cpu) all.push_back({row.cpu_percent ? human_percent(*row.cpu_percent) : ""});
  const std::vector<Table::Cell> rest{
      {text_if(known && worker.memory_bytes > 0, human_bytes(worker.memory_bytes))},
      {text_if(known && worker.processes > 0, std::to_string(worker.processes))},
      {text_if(known, human_span(span_of(worker.cpu_us)))},
      {text_if(row.detailed, std::to_string(worker.crashes))},
      {printable(worker.last_exit_cause)},
      {printable(worker.status_text)},
  };
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

}  // namespace

std::vector<WorkerRow> worker_rows(const std::vector<WorkerSnapshot>& workers,
                                   const std::vector<ProcessSnapshot>& processes) {
  const bool any_counts =
      std::any_of(workers.begin(), workers.end(), [](const WorkerSnapshot& worker) { return worker.counters.counts; });
  std::vector<WorkerRow> rows;
  for (const WorkerSnapshot& worker : workers) {
    if (worker.pid == 0) rows.push_back({.worker = worker});
  }
  for (const ProcessSnapshot& process : processes) {
    const auto same = [&](const WorkerSnapshot& worker) { return worker.pid == process.pid; };
    const auto found = std::find_if(workers.begin(), workers.end(), same);
    rows.push_back(found != workers.end() ? WorkerRow{.worker = *found} : undetailed(process, any_counts));
  }
  // Within a slot the serving process, which has the details, comes first.
  std::stable_sort(rows.begin(), rows.end(), [](const WorkerRow& left, const WorkerRow& right) {
    if (left.worker.slot != right.worker.slot) return left.worker.slot < right.worker.slot;
    return left.detailed && !right.detailed;
  });
  return rows;
}

void add_rates(std::vector<WorkerRow>& rows, const std::vector<WorkerSnapshot>& before,
               std::chrono::duration<double> span) {
  if (span.count() <= 0) return;
  for (WorkerRow& row : rows) {
    if (!row.detailed || row.worker.pid == 0) continue;
    const auto found = std::find_if(before.begin(), before.end(),
                                    [&](const WorkerSnapshot& other) { return other.pid == row.worker.pid; });
    const WorkerSnapshot then = found != before.end() ? *found : WorkerSnapshot();
    const auto rate = [&](std::uint64_t from, std::uint64_t to) {
      return static_cast<double>(to > from ? to - from : 0) / span.count();
    };
    row.cpu_percent = rate(then.cpu_us, row.worker.cpu_us) / 10'000;
    if (!row.worker.counters.counts) continue;
    row.requests_per_second = rate(then.counters.requests_total, row.worker.counters.requests_total);
  }
}

std::optional<double> total_rate(const std::vector<WorkerRow>& rows) {
  std::optional<double> total;
  for (const WorkerRow& row : rows) {
    if (row.requests_per_second) total = total.value_or(0) + *row.requests_per_second;
  }
  return total;
}

Table worker_table(const std::vector<WorkerRow>& rows, std::uint64_t now) {
  Rates rates;
  for (const WorkerRow& row : rows) {
    rates.requests = rates.requests || row.requests_per_second.has_value();
    rates.cpu = rates.cpu || row.cpu_percent.has_value();
  }
  std::vector<Table::Column> columns{{"SLOT", true},   {"PID", true},         {"STATE", false},  {"GEN", true},
                                     {"UPTIME", true}, {"CONNECTIONS", true}, {"REQUESTS", true}};
  if (rates.requests) columns.push_back({"RATE", true});
  if (rates.cpu) columns.push_back({"CPU%", true});
  const std::vector<Table::Column> rest{{"MEMORY", true},  {"PROCESSES", true},  {"CPU", true},
                                        {"CRASHES", true}, {"LAST EXIT", false}, {"STATUS", false}};
  columns.insert(columns.end(), rest.begin(), rest.end());
  Table table(std::move(columns));
  for (const WorkerRow& row : rows) table.add(cells(row, now, rates));
  return table;
}

}  // namespace preforkd::ctl
