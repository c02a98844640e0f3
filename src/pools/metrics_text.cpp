// SPDX-License-Identifier: MIT
#include "pools/metrics_text.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>

#include "base/escape.hpp"
#include "dbus/words.hpp"

namespace preforkd {
namespace {

constexpr auto states =
    std::to_array<std::string_view>({dbus::state::starting, dbus::state::running, dbus::state::reloading,
                                     dbus::state::degraded, dbus::state::stopping});

// As the format requires, in UTF-8, and without characters that could affect a terminal.
std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : escape_unsafe(value, "\n")) {
    if (c == '\\' || c == '"') text += '\\';
    text += c == '\n' ? std::string("\\n") : std::string(1, c);
  }
  return text;
}

std::string label(std::string_view name, std::string_view value) {
  return std::string(name) + "=\"" + escaped(value) + '"';
}

std::string seconds(std::uint64_t microseconds) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%llu.%06llu", static_cast<unsigned long long>(microseconds / 1'000'000),
                static_cast<unsigned long long>(microseconds % 1'000'000));
  return text.data();
}

std::string ratio(double percent) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4f", percent / 100);
  return text.data();
}

std::string figure(const CounterSnapshot& counters, std::uint64_t value) {
  return counters.counts ? std::to_string(value) : "";
}

struct Pool {
  PoolSnapshot pool;
  std::vector<WorkerSnapshot> workers;
};

// All samples of a family are together, for all pools.
class Exposition {
 public:
  Exposition(const std::vector<KnownPool>& pools, MetricsFormat format) : format_(format) {
    for (const KnownPool& each : pools) {
      if (each.answer) pools_.push_back({*each.answer, each.workers});
    }
    begin("pool_up", "gauge", "", "1 if the pool is running and answers, else 0.");
    for (const KnownPool& each : pools) sample(label("pool", each.name), each.answer ? "1" : "0");
  }

  // `unit` is the end of the family's name, or empty. A counter's samples end in _total. In Prometheus' format a family
  // has the name of its samples, and anything that is not a counter is a gauge.
  void begin(std::string_view family, std::string_view type, std::string_view unit, std::string_view help) {
    const bool open = format_ == MetricsFormat::open_metrics;
    const std::string suffix = type == "counter" ? "_total" : type == "info" ? "_info" : "";
    const std::string name = "preforkd_" + std::string(family);
    samples_ = name + suffix;
    const std::string& head = open ? name : samples_;
    text_ += "# TYPE " + head + ' ' + std::string(open || type == "counter" ? type : "gauge") + '\n';
    if (open && !unit.empty()) text_ += "# UNIT " + head + ' ' + std::string(unit) + '\n';
    text_ += "# HELP " + head + ' ' + std::string(help) + '\n';
  }
  // Without a value there is no sample.
  void sample(const std::string& labels, const std::string& value) {
    if (!value.empty()) text_ += samples_ + '{' + labels + "} " + value + '\n';
  }

  template <class Value>
  void of_pools(std::string_view family, std::string_view type, std::string_view unit, std::string_view help,
                Value value) {
    begin(family, type, unit, help);
    for (const Pool& each : pools_) sample(label("pool", each.pool.name), value(each.pool));
  }
  template <class Value>
  void of_workers(std::string_view family, std::string_view type, std::string_view unit, std::string_view help,
                  Value value) {
    begin("worker_" + std::string(family), type, unit, help);
    for (const Pool& each : pools_) {
      for (const WorkerSnapshot& worker : each.workers) {
        sample(label("pool", each.pool.name) + ',' + label("slot", std::to_string(worker.slot)), value(worker));
      }
    }
  }

  // The pools that are up.
  [[nodiscard]] const std::vector<Pool>& pools() const { return pools_; }
  [[nodiscard]] std::string finish() && {
    return std::move(text_) + (format_ == MetricsFormat::open_metrics ? "# EOF\n" : "");
  }

 private:
  MetricsFormat format_;
  std::vector<Pool> pools_;
  std::string text_;
  std::string samples_;  // the name of the family's samples
};

void add_states(Exposition& out) {
  out.begin("pool", "info", "", "The version and description of the pool.");
  for (const Pool& each : out.pools()) {
    out.sample(label("pool", each.pool.name) + ',' + label("version", each.pool.version) + ',' +
                   label("description", each.pool.description),
               "1");
  }
  out.begin("pool_state", "stateset", "", "The state of the pool.");
  for (const Pool& each : out.pools()) {
    for (const std::string_view state : states) {
      out.sample(label("pool", each.pool.name) + ',' + label("preforkd_pool_state", state),
                 each.pool.state == state ? "1" : "0");
    }
  }
}

void add_pool_gauges(Exposition& out) {
  out.of_pools("start_time_seconds", "gauge", "seconds", "When the pool's main process started, since 1970.",
               [](const PoolSnapshot& pool) { return seconds(pool.started_at); });
  out.of_pools("adopted_workers", "gauge", "", "Workers that the pool's main process had from an earlier one.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.adopted_workers); });
  out.of_pools("generation", "gauge", "", "The generation of the live config.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.generation); });
  out.of_pools("workers_target", "gauge", "", "Workers that should run.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.target_workers); });
  out.of_pools("workers_ready", "gauge", "", "Workers that are ready.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.ready_workers); });
  out.of_pools("workers_draining", "gauge", "", "Worker processes that drain.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.draining_workers); });
  out.of_pools("drained", "gauge", "", "1 if the pool asks load balancers for no new clients, else 0.",
               [](const PoolSnapshot& pool) { return std::string(pool.drained ? "1" : "0"); });
  out.of_pools("connections_open", "gauge", "", "Open connections.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.connections); });
  out.of_pools("last_reload_success", "gauge", "", "1 if the last reload succeeded or there was none, else 0.",
               [](const PoolSnapshot& pool) {
                 return pool.last_reload.at == 0 || pool.last_reload.ok ? std::string("1") : std::string("0");
               });
}

void add_named_counters(Exposition& out) {
  const auto add = [&](std::string_view family, std::string_view help, std::string_view key, auto values) {
    out.begin(family, "counter", "", help);
    for (const Pool& each : out.pools()) {
      for (const auto& [name, count] : values(each.pool)) {
        out.sample(label("pool", each.pool.name) + ',' + label(key, name), std::to_string(count));
      }
    }
  };
  using ByName = std::map<std::string, std::uint64_t>;
  add("worker_exits", "Workers that ended, by cause.", "cause", [](const PoolSnapshot& pool) { return pool.exits; });
  add("worker_closes", "Connections that ended in their worker, by reason; with handed-over another one has them.",
      "reason", [](const PoolSnapshot& pool) { return pool.counters.counts ? pool.counters.closes : ByName(); });
  add("worker_application", "Counters of the application.", "counter",
      [](const PoolSnapshot& pool) { return pool.counters.counts ? pool.counters.application : ByName(); });
  add("connections_not_taken", "Connections that other workers did not take, by reason.", "reason",
      [](const PoolSnapshot& pool) { return pool.connections_not_taken; });
}

void add_pool_counters(Exposition& out) {
  out.of_pools("connections", "counter", "", "Connections accepted.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.connections_total); });
  out.of_pools("connections_refused", "counter", "", "Connections that the limits per peer refused.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.connections_refused); });
  out.of_pools("accept_failures", "counter", "", "Failures to accept a connection for lack of descriptors or memory.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.accept_failures); });
  out.of_pools("connections_adopted", "counter", "", "Connections that workers took over from others.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.connections_adopted); });
  out.of_pools("connections_handed_over", "counter", "",
               "Connections that workers, or the keepers of dead ones, gave to other workers.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.connections_handed_over); });
  out.of_pools("connections_closed_by_keepers", "counter", "", "Connections of dead workers that did not move.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.connections_closed_by_keepers); });
  out.of_pools("requests", "counter", "", "Requests answered.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.requests_total); });
  out.of_pools("received_bytes", "counter", "bytes", "Bytes received from clients.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.bytes_in); });
  out.of_pools("sent_bytes", "counter", "bytes", "Bytes sent to clients.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.bytes_out); });
  out.of_pools("busy_seconds", "counter", "seconds", "Time that workers were busy, all of them together.",
               [](const PoolSnapshot& pool) { return pool.busy_us == 0 ? "" : seconds(pool.busy_us); });  // 0: unknown
  out.of_pools("messages", "counter", "", "Messages that workers sent to each other.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.worker_messages); });
  out.of_pools("messages_dropped", "counter", "", "Messages to workers that did not read them in time.",
               [](const PoolSnapshot& pool) { return figure(pool.counters, pool.counters.worker_messages_dropped); });
  out.of_pools("crashes", "counter", "", "Workers that failed.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.crashes); });
  out.of_pools("restarts", "counter", "", "Workers that replaced another one.",
               [](const PoolSnapshot& pool) { return std::to_string(pool.restarts); });
  add_named_counters(out);
}

void add_listeners(Exposition& out) {
  const auto add = [&](std::string_view family, std::string_view help, auto value) {
    out.begin(family, "gauge", "", help);
    for (const Pool& each : out.pools()) {
      for (const ListenerSnapshot& listener : each.pool.listeners) {
        if (listener.limit == 0) continue;  // the kernel does not report it
        out.sample(label("pool", each.pool.name) + ',' + label("listener", listener.name) + ',' +
                       label("address", listener.address),
                   std::to_string(value(listener)));
      }
    }
  };
  add("listener_queued", "Connections that wait to be accepted.",
      [](const ListenerSnapshot& each) { return each.queued; });
  add("listener_queue_limit", "The maximum number of connections that wait.",
      [](const ListenerSnapshot& each) { return each.limit; });
}

void add_workers(Exposition& out) {
  out.of_workers("up", "gauge", "", "1 if the slot has a worker that is ready, else 0.",
                 [](const WorkerSnapshot& worker) {
                   return worker.state == dbus::state::ready ? std::string("1") : std::string("0");
                 });
  out.of_workers("generation", "gauge", "", "The generation of the slot's worker.",
                 [](const WorkerSnapshot& worker) { return std::to_string(worker.generation); });
  out.of_workers("start_time_seconds", "gauge", "seconds", "When the slot's worker started, since 1970.",
                 [](const WorkerSnapshot& worker) { return seconds(worker.started_at); });
  out.of_workers("connections_open", "gauge", "", "Open connections.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.connections); });
  out.of_workers("memory_bytes", "gauge", "bytes", "Memory of all processes, without files and shared memory.",
                 [](const WorkerSnapshot& worker) { return std::to_string(worker.memory_bytes); });
  out.of_workers("processes", "gauge", "", "Processes of the worker.", [](const WorkerSnapshot& worker) {
    return worker.processes > 0 ? std::to_string(worker.processes) : "";
  });
  out.begin("worker_pressure_ratio", "gauge", "ratio",
            "The share of the last 10 seconds in which a process of the worker waited for the resource.");
  for (const auto& each : out.pools()) {
    for (const WorkerSnapshot& worker : each.workers) {
      for (const auto& [resource, percent] : worker.pressure) {
        out.sample(label("pool", each.pool.name) + ',' + label("slot", std::to_string(worker.slot)) + ',' +
                       label("resource", resource),
                   ratio(percent));
      }
    }
  }
  out.of_workers("connections", "counter", "", "Connections accepted.", [](const WorkerSnapshot& worker) {
    return figure(worker.counters, worker.counters.connections_total);
  });
  out.of_workers(
      "connections_refused", "counter", "", "Connections that the limits per peer refused.",
      [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.connections_refused); });
  out.of_workers("accept_failures", "counter", "", "Failures to accept a connection for lack of descriptors or memory.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.accept_failures); });
  out.of_workers(
      "connections_adopted", "counter", "", "Connections that workers took over from others.",
      [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.connections_adopted); });
  out.of_workers(
      "connections_handed_over", "counter", "", "Connections that the worker, while it lived, gave to other workers.",
      [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.connections_handed_over); });
  out.of_workers("requests", "counter", "", "Requests answered.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.requests_total); });
  out.of_workers("received_bytes", "counter", "bytes", "Bytes received from clients.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.bytes_in); });
  out.of_workers("sent_bytes", "counter", "bytes", "Bytes sent to clients.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.bytes_out); });
  out.of_workers("messages", "counter", "", "Messages that the worker sent to other workers.",
                 [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.worker_messages); });
  out.of_workers(
      "messages_dropped", "counter", "", "Messages to workers that did not read them in time.",
      [](const WorkerSnapshot& worker) { return figure(worker.counters, worker.counters.worker_messages_dropped); });
  out.of_workers("cpu_seconds", "counter", "seconds", "CPU time, user and system.",
                 [](const WorkerSnapshot& worker) { return seconds(worker.cpu_us); });
  out.of_workers(
      "oom_kills", "counter", "", "Processes of the worker that the OOM killer ended.",
      [](const WorkerSnapshot& worker) { return worker.oom_kills ? std::to_string(*worker.oom_kills) : ""; });
  out.of_workers("crashes", "counter", "", "Failures of the slot's workers.",
                 [](const WorkerSnapshot& worker) { return std::to_string(worker.crashes); });
}

}  // namespace

std::string metrics_text(const std::vector<KnownPool>& pools, MetricsFormat format) {
  Exposition out(pools, format);
  add_states(out);
  add_pool_gauges(out);
  add_pool_counters(out);
  add_listeners(out);
  add_workers(out);
  return std::move(out).finish();
}

}  // namespace preforkd
