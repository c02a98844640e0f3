// SPDX-License-Identifier: MIT
#include "ctl/output/json_view.hpp"

#include <cstdint>
#include <map>
#include <string>

namespace preforkd::ctl {
namespace {

void add_counters(Json& object, const CounterSnapshot& counters) {
  const auto figure = [&](std::uint64_t value) { return counters.counts ? Json(value) : Json(); };
  const auto figures = [&](const std::map<std::string, std::uint64_t>& values) {
    return counters.counts && !values.empty() ? Json(values) : Json();
  };
  object["counts"] = counters.counts;
  object["connections"] = figure(counters.connections);
  object["connections_total"] = figure(counters.connections_total);
  object["connections_refused"] = figure(counters.connections_refused);
  object["connections_adopted"] = figure(counters.connections_adopted);
  object["connections_handed_over"] = figure(counters.connections_handed_over);
  object["accept_failures"] = figure(counters.accept_failures);
  object["requests_total"] = figure(counters.requests_total);
  object["bytes_in"] = figure(counters.bytes_in);
  object["bytes_out"] = figure(counters.bytes_out);
  object["worker_messages"] = figure(counters.worker_messages);
  object["worker_messages_dropped"] = figure(counters.worker_messages_dropped);
  object["closes"] = figures(counters.closes);
  object["application_counters"] = figures(counters.application);
}

Json listeners_json(const std::vector<ListenerSnapshot>& listeners) {
  Json all = Json::array();
  for (const ListenerSnapshot& listener : listeners) {
    all.push_back({{"name", listener.name},
                   {"address", listener.address},
                   {"queued", listener.queued},
                   {"limit", listener.limit}});
  }
  return all;
}

}  // namespace

Json to_json(const PoolSnapshot& pool) {
  Json object{{"name", pool.name},
              {"description", pool.description},
              {"state", pool.state},
              {"status_text", pool.status_text},
              {"generation", pool.generation},
              {"target_workers", pool.target_workers},
              {"scaling", pool.scaling},
              {"min_workers", pool.min_workers},
              {"max_workers", pool.max_workers},
              {"ready_workers", pool.ready_workers},
              {"draining_workers", pool.draining_workers},
              {"drained", pool.drained}};
  add_counters(object, pool.counters);
  object["connections_closed_by_keepers"] = pool.counters.counts ? Json(pool.connections_closed_by_keepers) : Json();
  object["connections_not_taken"] = pool.connections_not_taken.empty() ? Json() : Json(pool.connections_not_taken);
  object["crashes"] = pool.crashes;
  object["restarts"] = pool.restarts;
  object["exits"] = pool.exits.empty() ? Json() : Json(pool.exits);
  object["listeners"] = listeners_json(pool.listeners);
  object["config_file"] = pool.config_file;
  object["program"] = pool.program;
  object["main_pid"] = pool.main_pid;
  object["version"] = pool.version;
  object["started_at"] = pool.started_at;
  object["adopted_workers"] = pool.adopted_workers;
  object["last_reload"] = {
      {"at", pool.last_reload.at}, {"ok", pool.last_reload.ok}, {"message", pool.last_reload.message}};
  return object;
}

Json to_json(const KnownPool& pool) {
  Json object = to_json(pool.answer.value_or(PoolSnapshot()));
  if (!pool.answer) {
    for (Json& value : object) value = nullptr;
    object["name"] = pool.name;
    object["state"] = pool.state();
    object["config_file"] = pool.config.file;
  }
  object["remark"] = pool.standing.remark;
  object["config_problem"] = pool.config.problem;
  return object;
}

Json to_json(const WorkerRow& row) {
  const WorkerSnapshot& worker = row.worker;
  Json object{{"slot", worker.slot}, {"pid", worker.pid}, {"generation", worker.generation}, {"state", worker.state}};
  object["status_text"] = worker.status_text;
  object["started_at"] = worker.started_at;
  object["ready_at"] = worker.ready_at;
  object["drain_deadline"] = worker.drain_deadline;
  add_counters(object, worker.counters);
  object["memory_bytes"] = worker.memory_bytes;
  object["cpu_usec"] = worker.cpu_us;
  object["processes"] = worker.processes;
  object["oom_kills"] = worker.oom_kills ? Json(*worker.oom_kills) : Json();
  object["pressure"] = worker.pressure;
  object["crashes"] = worker.crashes;
  object["last_exit_cause"] = worker.last_exit_cause;
  if (row.detailed) return object;
  for (const auto& [name, value] : object.items()) {
    const bool known =
        name == "slot" || name == "pid" || name == "generation" || name == "state" || name == "connections";
    if (!known) value = nullptr;
  }
  return object;
}

Json to_json(const PastExit& exit) {
  return {{"at", exit.at},
          {"slot", exit.slot},
          {"pid", exit.pid},
          {"generation", exit.generation},
          {"cause", exit.cause},
          {"kind", exit.kind},
          {"status", exit.status},
          {"failure", exit.failure},
          {"text", exit.text},
          {"cpu_usec", exit.cpu_us},
          {"max_memory_bytes", exit.max_memory}};
}

Json to_json(const PlannedChange& change) {
  return {{"key", change.key}, {"now", change.now}, {"then", change.then}, {"needs", change.needs}};
}

}  // namespace preforkd::ctl
