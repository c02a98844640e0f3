// SPDX-License-Identifier: MIT
#include "config/reader/pool_reader.hpp"

#include <pwd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <optional>

#include "base/errors.hpp"
#include "base/signal_name.hpp"
#include "config/reader/environment_reader.hpp"
#include "config/reader/limits_reader.hpp"
#include "config/reader/listen_reader.hpp"
#include "config/reader/process_reader.hpp"
#include "config/reader/replacement_reader.hpp"
#include "config/reader/scale_reader.hpp"
#include "config/values/cpu_count.hpp"
#include "config/values/program_path.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;
using std::chrono::days;
using std::chrono::weeks;

constexpr std::array<std::string_view, 32> pool_keys = {
    "$schema",       "description",  "listen",      "program",   "workers",           "ready",      "start_timeout",
    "drain_timeout", "hang_timeout", "alert_after", "stop",      "stop_signal",       "restart",    "recycle",
    "reload",        "rebalance",    "environment", "directory", "environment_files", "user",       "sandbox",
    "writable",      "umask",        "nice",        "limits",    "cpu_affinity",      "memory_max", "memory_high",
    "cpu_weight",    "cpu_max",      "pids_max",    "settings"};
constexpr std::array<std::string_view, 4> workers_keys = {"min", "max", "initial", "scale"};

constexpr std::size_t max_description_bytes = 256;
constexpr std::size_t max_program_strings = 1024;

void read_description(ConfigReader& config, std::string& out) {
  if (!config.read_string("description", out, max_description_bytes)) return;
  const bool one_line =
      std::none_of(out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7F; });
  if (!one_line) config.refuse("description", "must be one line without control characters");
}

void read_program(ConfigReader& config, std::vector<std::string>& out) {
  const Json* const value = config.find("program");
  if (value == nullptr || (value->is_array() && value->empty())) {
    config.refuse("program", "is missing; say what to run: [\"/usr/bin/my-server\", \"argument\"]");
    return;
  }
  if (!config.read_strings("program", out, max_program_strings, "[\"/usr/bin/my-server\", \"argument\"]")) return;
  auto path = find_program(out.front());
  if (path) {
    out.front() = std::move(*path);
  } else {
    config.refuse_below("program", "[0]", value->front(), std::move(path.error().text));
    config.blame_outside();
  }
}

std::vector<std::string> doubts_about_scale(const WorkerCount& count, const ConfigReader::Json& scale) {
  if (count.min == count.max) return {"workers.scale has no effect: workers.min and workers.max are the same"};
  std::vector<std::string> doubts;
  for (const char* const key : {"idle_for", "idle_exit"}) {
    if (count.min > 0 && scale.contains(key))
      doubts.push_back(std::string("workers.scale.") + key + " has no effect: workers.min is not 0");
  }
  return doubts;
}

void read_worker_range(ConfigReader workers, PoolConfig& pool) {
  std::optional<ScaleConfig>& scale = pool.scale;
  workers.allow_only(workers_keys);
  read_scale(workers, scale);
  for (const char* const key : {"min", "max"}) {
    if (workers.find(key) == nullptr) workers.refuse(key, "is missing; {\"min\": …, \"max\": …} needs both");
  }
  WorkerCount count;
  if (!workers.read_number("min", count.min, {0, max_workers})) return;
  if (count.min == 0 && !scale) {
    if (workers.find("scale") != nullptr) return;  // that was refused
    workers.refuse("min", "must be at least 1 without workers.scale: nothing would start a worker");
    return;
  }
  if (!workers.read_number("max", count.max, {1, max_workers})) return;
  if (count.max < count.min) {
    workers.refuse("max", "must be at least workers.min (" + std::to_string(count.min) + ')');
    return;
  }
  count.initial = count.min;
  if (workers.find("initial") != nullptr) {
    if (!workers.read_number("initial", count.initial, {0, max_workers})) return;
    if (count.initial < count.min || count.initial > count.max) {
      workers.refuse("initial", "must be from workers.min (" + std::to_string(count.min) + ") to workers.max (" +
                                    std::to_string(count.max) + ')');
      return;
    }
  }
  pool.workers = count;
  if (scale) pool.doubts = doubts_about_scale(count, *workers.find("scale"));
}

void read_workers(ConfigReader& config, PoolConfig& pool) {
  const Json* const value = config.find("workers");
  if (value == nullptr) return;
  if (value->is_object()) {
    if (auto workers = config.object("workers")) read_worker_range(*workers, pool);
    return;
  }
  unsigned count = 0;
  if (*value == "auto") {
    count = std::min(available_cpus(), max_workers);
  } else if (!value->is_number_integer()) {
    config.refuse("workers", "must be a whole number from 1 to " + std::to_string(max_workers) +
                                 ", \"auto\", or {\"min\": …, \"max\": …}");
    return;
  } else if (!config.read_number("workers", count, {1, max_workers})) {
    return;
  }
  pool.workers = {count, count, count};
}

void read_stop(ConfigReader& config, StopMode& out) {
  std::size_t word = 0;
  if (config.read_word("stop", word, stop_words)) out = static_cast<StopMode>(word);
}

void read_stop_signal(ConfigReader& config, int& out) {
  const Json* const value = config.find("stop_signal");
  if (value == nullptr) return;
  if (!value->is_string() && !value->is_number_integer()) {
    config.refuse("stop_signal", "must be a signal's name such as \"SIGTERM\", or its number");
    return;
  }
  const auto signal = parse_signal(value->is_string() ? value->get<std::string>() : value->dump());
  if (!signal) {
    config.refuse("stop_signal", signal.error().text);
  } else if (*signal == SIGKILL || *signal == SIGSTOP) {
    config.refuse("stop_signal",
                  "can't be caught, so no worker could finish its requests; SIGKILL comes after drain_timeout");
  } else {
    out = *signal;
  }
}

// In systemd's syntax for User=: systemd looks it up.
void read_user(ConfigReader& config, std::string& out) {
  constexpr std::size_t max_length = 31;
  std::string name;
  if (!config.read_string("user", name, 256)) return;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool is_name =
      !name.empty() && name.size() <= max_length && is_letter(name.front()) &&
      std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
  if (is_name) {
    out = name;
    if (getpwnam(name.c_str()) != nullptr) return;
    config.refuse("user", "no such user");
    config.blame_outside();
  } else {
    config.refuse("user", "must be a user's name: a letter or '_', then up to 30 letters, digits, '_' or '-'");
  }
}

void read_timeouts(ConfigReader& config, PoolConfig& pool) {
  config.read_span("start_timeout", pool.start_timeout, {10ms, days(1)});
  config.read_span("drain_timeout", pool.drain_timeout, {1ms, weeks(1)});
  config.read_span_or_off("hang_timeout", pool.hang_timeout, {100ms, days(1)});
  config.read_span_or_off("alert_after", pool.alert_after, {100ms, days(1)});
}

}  // namespace

std::span<const ConfigSection> config_sections() noexcept {
  static const std::array<ConfigSection, 8> sections = {{{"", pool_keys},
                                                         {"listen", listen_keys()},
                                                         {"workers", workers_keys},
                                                         {"workers.scale", scale_keys()},
                                                         {"restart", restart_keys()},
                                                         {"recycle", recycle_keys()},
                                                         {"reload", reload_keys()},
                                                         {"limits", limits_keys()}}};
  return sections;
}

PoolConfig read_pool(const Json& json, const std::string& name, std::vector<ConfigProblem>& problems) {
  constexpr std::array<std::string_view, 2> ready_words = {"notify", "exec"};
  constexpr std::array<std::string_view, 2> rebalance_words = {"on-resize", "off"};
  constexpr std::array<std::string_view, 2> sandbox_words = {"default", "strict"};
  PoolConfig pool;
  pool.name = name;
  ConfigReader config(json, "", problems);
  config.allow_only(pool_keys);
  read_description(config, pool.description);
  read_listen(config, name, pool.listen);
  read_program(config, pool.program);
  read_workers(config, pool);
  std::size_t ready = 0;
  if (config.read_word("ready", ready, ready_words)) pool.ready = ready == 0 ? ReadyMode::notify : ReadyMode::exec;
  read_timeouts(config, pool);
  read_stop(config, pool.stop);
  read_stop_signal(config, pool.stop_signal);
  read_restart(config, pool.restart);
  read_recycle(config, pool.recycle);
  if (pool.ready == ReadyMode::exec) pool.reload.soak = exec_soak;
  read_reload(config, pool.reload);
  std::size_t rebalance = 0;
  if (config.read_word("rebalance", rebalance, rebalance_words))
    pool.rebalance = rebalance == 0 ? RebalanceMode::on_resize : RebalanceMode::off;
  read_environment(config, pool.environment);
  read_environment_file_names(config, pool.environment_files);
  read_user(config, pool.user);
  std::size_t sandbox = 0;
  if (config.read_word("sandbox", sandbox, sandbox_words))
    pool.sandbox = sandbox == 0 ? Sandbox::usual : Sandbox::strict;
  read_process(config, pool);
  read_settings(config, pool.settings);
  return pool;
}

}  // namespace preforkd
