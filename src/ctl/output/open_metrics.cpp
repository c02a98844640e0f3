// SPDX-License-Identifier: MIT
#include "ctl/output/open_metrics.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

constexpr auto states = std::to_array<std::string_view>({"starting", "running", "reloading", "degraded", "stopping"});

// As the format wants it, and with no more that could do something to a terminal.
std::string escaped(std::string_view value) {
  std::string text;
  for (const char c : printable_lines(value)) {
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

// All samples of a family stand together, whichever pool they are of.
class Exposition {
 public:
  explicit Exposition(const std::vector<MeasuredPool>& pools) : pools_(pools) {}

  // `unit` is the end of the family's name, or empty. A counter's samples end in _total.
  void begin(std::string_view family, std::string_view type, std::string_view unit, std::string_view help) {
    family_ = "preforkd_" + std::string(family);
    text_ += "# TYPE " + family_ + ' ' + std::string(type) + '\n';
    if (!unit.empty()) text_ += "# UNIT " + family_ + ' ' + std::string(unit) + '\n';
    text_ += "# HELP " + family_ + ' ' + std::string(help) + '\n';
    suffix_ = type == "counter" ? "_total" : type == "info" ? "_info" : "";
  }
  void sample(const std::string& labels, const std::string& value) {
    text_ += family_ + suffix_ + '{' + labels + "} " + value + '\n';
  }

  template <class Value>
  void of_pools(std::string_view family, std::string_view type, std::string_view unit, std::string_view help,
                Value value) {
    begin(family, type, unit, help);
    for (const MeasuredPool& each : pools_) sample(label("pool", each.pool.name), value(each.pool));
  }
  template <class Value>
  void of_workers(std::string_view family, std::string_view type, std::string_view unit, std::string_view help,
                  Value value) {
    begin("worker_" + std::string(family), type, unit, help);
    for (const MeasuredPool& each : pools_) {
      for (const WorkerState& worker : each.workers) {
        sample(label("pool", each.pool.name) + ',' + label("slot", std::to_string(worker.slot)), value(worker));
      }
    }
  }

  [[nodiscard]] const std::vector<MeasuredPool>& pools() const { return pools_; }
  [[nodiscard]] std::string finish() && { return std::move(text_) + "# EOF\n"; }

 private:
  const std::vector<MeasuredPool>& pools_;
  std::string text_;
  std::string family_;
  std::string suffix_;
};

void add_states(Exposition& out) {
  out.begin("pool", "info", "", "What runs.");
  for (const MeasuredPool& each : out.pools()) {
    out.sample(label("pool", each.pool.name) + ',' + label("version", each.pool.version) + ',' +
                   label("description", each.pool.description),
               "1");
  }
  out.begin("pool_state", "stateset", "", "How the pool is.");
  for (const MeasuredPool& each : out.pools()) {
    for (const std::string_view state : states) {
      out.sample(label("pool", each.pool.name) + ',' + label("preforkd_pool_state", state),
                 each.pool.state == state ? "1" : "0");
    }
  }
}

void add_pool_gauges(Exposition& out) {
  out.of_pools("start_time_seconds", "gauge", "seconds", "When the pool's main process started, since 1970.",
               [](const PoolState& pool) { return seconds(pool.started_at); });
  out.of_pools("generation", "gauge", "", "Of the config that is live.",
               [](const PoolState& pool) { return std::to_string(pool.generation); });
  out.of_pools("workers_target", "gauge", "", "Workers that there should be.",
               [](const PoolState& pool) { return std::to_string(pool.target_workers); });
  out.of_pools("workers_ready", "gauge", "", "Workers that serve.",
               [](const PoolState& pool) { return std::to_string(pool.ready_workers); });
  out.of_pools("workers_draining", "gauge", "", "Worker processes that leave.",
               [](const PoolState& pool) { return std::to_string(pool.draining_workers); });
  out.of_pools("connections_open", "gauge", "", "Connections that are open.",
               [](const PoolState& pool) { return std::to_string(pool.counters.connections); });
  out.of_pools("last_reload_success", "gauge", "", "1 if the last reload succeeded or there was none, else 0.",
               [](const PoolState& pool) {
                 return pool.last_reload.at == 0 || pool.last_reload.ok ? std::string("1") : std::string("0");
               });
}

void add_pool_counters(Exposition& out) {
  out.of_pools("connections", "counter", "", "Connections accepted.",
               [](const PoolState& pool) { return std::to_string(pool.counters.connections_total); });
  out.of_pools("requests", "counter", "", "Requests answered.",
               [](const PoolState& pool) { return std::to_string(pool.counters.requests_total); });
  out.of_pools("received_bytes", "counter", "bytes", "Bytes received from clients.",
               [](const PoolState& pool) { return std::to_string(pool.counters.bytes_in); });
  out.of_pools("sent_bytes", "counter", "bytes", "Bytes sent to clients.",
               [](const PoolState& pool) { return std::to_string(pool.counters.bytes_out); });
  out.of_pools("crashes", "counter", "", "Workers that failed.",
               [](const PoolState& pool) { return std::to_string(pool.crashes); });
  out.of_pools("restarts", "counter", "", "Workers that were started in the place of another one.",
               [](const PoolState& pool) { return std::to_string(pool.restarts); });
}

void add_listeners(Exposition& out) {
  const auto add = [&](std::string_view family, std::string_view help, auto value) {
    out.begin(family, "gauge", "", help);
    for (const MeasuredPool& each : out.pools()) {
      for (const ListenerState& listener : each.pool.listeners) {
        if (listener.limit == 0) continue;  // the kernel does not tell
        out.sample(label("pool", each.pool.name) + ',' + label("listener", listener.name) + ',' +
                       label("address", listener.address),
                   std::to_string(value(listener)));
      }
    }
  };
  add("listener_queued", "Connections that wait to be accepted.",
      [](const ListenerState& each) { return each.queued; });
  add("listener_queue_limit", "How many may wait.", [](const ListenerState& each) { return each.limit; });
}

void add_workers(Exposition& out) {
  out.of_workers("up", "gauge", "", "1 if the slot has a worker that is ready, else 0.", [](const WorkerState& worker) {
    return worker.state == "ready" ? std::string("1") : std::string("0");
  });
  out.of_workers("generation", "gauge", "", "Of the slot's worker.",
                 [](const WorkerState& worker) { return std::to_string(worker.generation); });
  out.of_workers("start_time_seconds", "gauge", "seconds", "When the slot's worker started, since 1970.",
                 [](const WorkerState& worker) { return seconds(worker.started_at); });
  out.of_workers("connections_open", "gauge", "", "Connections that are open.",
                 [](const WorkerState& worker) { return std::to_string(worker.counters.connections); });
  out.of_workers("memory_bytes", "gauge", "bytes", "Resident memory of its own, without files and shared memory.",
                 [](const WorkerState& worker) { return std::to_string(worker.memory_bytes); });
  out.of_workers("connections", "counter", "", "Connections accepted.",
                 [](const WorkerState& worker) { return std::to_string(worker.counters.connections_total); });
  out.of_workers("requests", "counter", "", "Requests answered.",
                 [](const WorkerState& worker) { return std::to_string(worker.counters.requests_total); });
  out.of_workers("received_bytes", "counter", "bytes", "Bytes received from clients.",
                 [](const WorkerState& worker) { return std::to_string(worker.counters.bytes_in); });
  out.of_workers("sent_bytes", "counter", "bytes", "Bytes sent to clients.",
                 [](const WorkerState& worker) { return std::to_string(worker.counters.bytes_out); });
  out.of_workers("cpu_seconds", "counter", "seconds", "Processor time, user and system.",
                 [](const WorkerState& worker) { return seconds(worker.cpu_us); });
  out.of_workers("crashes", "counter", "", "Failures of the slot's workers.",
                 [](const WorkerState& worker) { return std::to_string(worker.crashes); });
}

}  // namespace

std::string open_metrics(const std::vector<MeasuredPool>& pools) {
  Exposition out(pools);
  add_states(out);
  add_pool_gauges(out);
  add_pool_counters(out);
  add_listeners(out);
  add_workers(out);
  return std::move(out).finish();
}

}  // namespace preforkd::ctl
