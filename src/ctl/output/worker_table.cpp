// SPDX-License-Identifier: MIT
#include "ctl/output/worker_table.hpp"

#include <algorithm>

#include "ctl/output/human.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

std::string text_if(bool known, std::string text) { return known ? std::move(text) : std::string(); }

std::vector<Table::Cell> cells(const WorkerRow& row, std::uint64_t now, bool rates) {
  const WorkerState& worker = row.worker;
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
  if (rates) all.push_back({row.requests_per_second ? human_rate(*row.requests_per_second) : ""});
  const std::vector<Table::Cell> rest{
      {text_if(known && worker.memory_bytes > 0, human_bytes(worker.memory_bytes))},
      {text_if(known, human_span(span_of(worker.cpu_us)))},
      {text_if(row.detailed, std::to_string(worker.crashes))},
      {printable(worker.last_exit_cause)},
      {printable(worker.status_text)},
  };
  all.insert(all.end(), rest.begin(), rest.end());
  return all;
}

}  // namespace

Table worker_table(const std::vector<WorkerRow>& rows, std::uint64_t now) {
  const bool rates =
      std::any_of(rows.begin(), rows.end(), [](const WorkerRow& row) { return row.requests_per_second.has_value(); });
  std::vector<Table::Column> columns{{"SLOT", true},   {"PID", true},         {"STATE", false},  {"GEN", true},
                                     {"UPTIME", true}, {"CONNECTIONS", true}, {"REQUESTS", true}};
  if (rates) columns.push_back({"RATE", true});
  const std::vector<Table::Column> rest{
      {"MEMORY", true}, {"CPU", true}, {"CRASHES", true}, {"LAST EXIT", false}, {"STATUS", false}};
  columns.insert(columns.end(), rest.begin(), rest.end());
  Table table(std::move(columns));
  for (const WorkerRow& row : rows) table.add(cells(row, now, rates));
  return table;
}

}  // namespace preforkd::ctl
