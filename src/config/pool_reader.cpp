// SPDX-License-Identifier: MIT
#include "config/pool_reader.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <limits>
#include <optional>

#include "base/byte_size.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/signal_name.hpp"
#include "config/cpu_count.hpp"
#include "config/environment_file.hpp"
#include "config/environment_files.hpp"
#include "config/limits_reader.hpp"
#include "config/listen_reader.hpp"
#include "config/process_reader.hpp"
#include "config/program_path.hpp"
#include "wire/worker_env.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr std::array<std::string_view, 23> pool_keys = {
    "$schema",       "description",   "listen",       "program",           "workers", "ready",
    "start_timeout", "drain_timeout", "hang_timeout", "stop_signal",       "restart", "recycle",
    "reload",        "environment",   "directory",    "environment_files", "user",    "sandbox",
    "umask",         "nice",          "limits",       "cpu_affinity",      "settings"};
constexpr std::array<std::string_view, 3> workers_keys = {"min", "max", "initial"};
constexpr std::array<std::string_view, 4> restart_keys = {"delay", "max_delay", "forget_after", "never"};
constexpr std::array<std::string_view, 5> recycle_keys = {"requests", "age", "memory", "jitter", "at_most"};
constexpr std::array<std::string_view, 4> reload_keys = {"max_surge", "max_unavailable", "soak", "max_draining"};

constexpr unsigned max_draining_generations = 100;
constexpr std::size_t max_description_bytes = 256;
constexpr std::size_t max_program_strings = 1024;
constexpr std::size_t max_environment_names = 1024;
constexpr std::size_t max_environment_files = 64;
constexpr Duration week = std::chrono::hours(24 * 7);
constexpr Duration day = std::chrono::hours(24);

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
    config.refuse_below("program", "[0]", value->front(), std::move(path.error()));
    config.blame_outside();
  }
}

void read_worker_range(ConfigReader workers, WorkerCount& out) {
  workers.allow_only(workers_keys);
  for (const char* const key : {"min", "max"}) {
    if (workers.find(key) == nullptr) workers.refuse(key, "is missing; {\"min\": …, \"max\": …} needs both");
  }
  WorkerCount count;
  if (!workers.read_number("min", count.min, {1, max_workers})) return;
  if (!workers.read_number("max", count.max, {1, max_workers})) return;
  if (count.max < count.min) {
    workers.refuse("max", "must be at least workers.min (" + std::to_string(count.min) + ')');
    return;
  }
  count.initial = count.min;
  if (workers.find("initial") != nullptr) {
    if (!workers.read_number("initial", count.initial, {1, max_workers})) return;
    if (count.initial < count.min || count.initial > count.max) {
      workers.refuse("initial", "must be from workers.min (" + std::to_string(count.min) + ") to workers.max (" +
                                    std::to_string(count.max) + ')');
      return;
    }
  }
  out = count;
}

void read_workers(ConfigReader& config, WorkerCount& out) {
  const Json* const value = config.find("workers");
  if (value == nullptr) return;
  if (value->is_object()) {
    if (auto workers = config.object("workers")) read_worker_range(*workers, out);
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
  out = {count, count, count};
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
    config.refuse("stop_signal", signal.error());
  } else if (*signal == SIGKILL || *signal == SIGSTOP) {
    config.refuse("stop_signal",
                  "can't be caught, so no worker could finish its requests; SIGKILL comes after drain_timeout");
  } else {
    out = *signal;
  }
}

void read_never(ConfigReader& restart, std::vector<int>& out) {
  const Json* const value = restart.find("never");
  if (value == nullptr) return;
  if (!value->is_array()) {
    restart.refuse("never", "must be an array of exit statuses: [78]");
    return;
  }
  std::vector<int> statuses;
  for (const Json& entry : *value) {
    const std::string below = '[' + std::to_string(&entry - &value->front()) + ']';
    const bool is_status = entry.is_number_unsigned() && entry >= 1 && entry <= 255;
    if (!is_status) {
      restart.refuse_below("never", below, entry, "must be an exit status of a failure, a number from 1 to 255");
    } else if (std::find(statuses.begin(), statuses.end(), entry.get<int>()) != statuses.end()) {
      restart.refuse_below("never", below, entry, "stands in the list twice");
    } else {
      statuses.push_back(entry.get<int>());
    }
  }
  out = std::move(statuses);
}

void read_restart(ConfigReader& config, RestartConfig& out) {
  auto restart = config.object("restart");
  if (!restart) return;
  restart->allow_only(restart_keys);
  const bool delay = restart->read_span("delay", out.delay, {10ms, day});
  restart->read_span("max_delay", out.max_delay, {10ms, day});
  restart->read_span("forget_after", out.forget_after, {0ms, week});
  read_never(*restart, out.never);
  if (out.delay <= out.max_delay) return;
  if (delay) {
    restart->refuse("delay", "must be at most restart.max_delay (" + format_time_span(out.max_delay) + ')');
  } else {
    restart->refuse("max_delay", "must be at least restart.delay (" + format_time_span(out.delay) + ')');
  }
}

void read_recycle(ConfigReader& config, RecycleConfig& out) {
  constexpr std::uint64_t most_requests = std::numeric_limits<std::int64_t>::max();
  constexpr std::uint64_t least_memory = 1024 * 1024;
  auto recycle = config.object("recycle");
  if (!recycle) return;
  recycle->allow_only(recycle_keys);
  recycle->read_number("requests", out.requests, {0, most_requests});
  recycle->read_span_or_off("age", out.age, {1s, 53 * week});
  recycle->read_size_or_off("memory", out.memory, least_memory);
  recycle->read_percent("jitter", out.jitter, {0, 100});
  recycle->read_number("at_most", out.at_most, {1, max_workers});
}

void read_max_surge(ConfigReader& reload, std::variant<unsigned, double>& out) {
  const Json* const value = reload.find("max_surge");
  if (value == nullptr) return;
  unsigned workers = 0;
  double fraction = 0;
  if (value->is_number_integer()) {
    if (reload.read_number("max_surge", workers, {1, max_workers})) out = workers;
  } else if (value->is_string() && value->get_ref<const std::string&>().ends_with('%')) {
    if (reload.read_percent("max_surge", fraction, {1, 100})) out = fraction;
  } else {
    reload.refuse("max_surge", "must be a number of workers, or a percentage of them such as \"25%\"");
  }
}

void read_reload(ConfigReader& config, ReloadConfig& out) {
  auto reload = config.object("reload");
  if (!reload) return;
  reload->allow_only(reload_keys);
  read_max_surge(*reload, out.max_surge);
  reload->read_number("max_unavailable", out.max_unavailable, {0, max_workers});
  reload->read_span("soak", out.soak, {0ms, day});
  reload->read_number("max_draining", out.max_draining, {1, max_draining_generations});
}

std::optional<std::string> wrong_variable(std::string_view name, const std::string& value) {
  if (!is_environment_name(name)) return "no name of an environment variable; use letters, digits and '_'";
  if (worker_env::is_contract_variable(name)) return "is set by preforkd for each worker";
  if (value.find('\0') != std::string::npos) return "must not contain a NUL byte";
  if (name.size() + 1 + value.size() > max_exec_string_bytes) {
    return "is longer than " + std::to_string(max_exec_string_bytes) + " bytes, the limit";
  }
  return std::nullopt;
}

void read_environment(ConfigReader& config, std::vector<std::pair<std::string, std::string>>& out) {
  const Json* const value = config.find("environment");
  if (value == nullptr) return;
  if (!value->is_object()) {
    config.refuse("environment", "must be an object of strings: {\"NAME\": \"value\"}");
    return;
  }
  if (value->size() > max_environment_names) {
    config.refuse("environment", "has " + std::to_string(value->size()) + " variables; the limit is " +
                                     std::to_string(max_environment_names));
    return;
  }
  for (const auto& [name, text] : value->items()) {
    const std::string below = '.' + escape_bytes(name, 80);
    if (!text.is_string()) {
      config.refuse_below("environment", below, text, "must be a string in quotes");
    } else if (auto reason = wrong_variable(name, text.get_ref<const std::string&>())) {
      config.refuse_below("environment", below, text, std::move(*reason));
    } else {
      out.emplace_back(name, text.get<std::string>());
    }
  }
}

void read_environment_file_names(ConfigReader& config, std::vector<std::string>& out) {
  if (!config.read_strings("environment_files", out, max_environment_files, "[\"/etc/default/my-server\"]")) return;
  const Json& list = *config.find("environment_files");
  for (std::size_t i = 0; i < out.size(); ++i) {
    const std::string below = '[' + std::to_string(i) + ']';
    if (!out[i].starts_with('/') && !out[i].starts_with("-/")) {
      config.refuse_below("environment_files", below, list[i],
                          "must be an absolute path, after a '-' if it may be missing");
    } else if (auto read = read_environment_files({out[i]}); !read) {
      config.refuse_below("environment_files", below, list[i], std::move(read.error()));
      config.blame_outside();
    }
  }
}

void read_settings(ConfigReader& config, std::string& out) {
  const Json* const value = config.find("settings");
  if (value == nullptr) return;
  if (!value->is_object()) {
    config.refuse("settings", "must be an object: {…}");
    return;
  }
  std::string text;
  try {
    text = value->dump();  // Escapes control characters, so it holds no NUL.
  } catch (const Json::type_error&) {
    config.refuse("settings", "is not valid UTF-8");
    return;
  }
  if (text.size() > max_settings_bytes) {
    config.refuse("settings", "has " + std::to_string(text.size()) + " bytes; the limit is " +
                                  format_byte_size(max_settings_bytes));
    return;
  }
  out = std::move(text);
}

// As systemd takes it for User=: it is systemd who looks it up.
void read_user(ConfigReader& config, std::string& out) {
  constexpr std::size_t most = 31;
  std::string name;
  if (!config.read_string("user", name, 256)) return;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  const bool is_name =
      !name.empty() && name.size() <= most && is_letter(name.front()) &&
      std::all_of(name.begin(), name.end(), [&](char c) { return is_letter(c) || is_digit(c) || c == '-'; });
  if (is_name) {
    out = name;
  } else {
    config.refuse("user", "must be a user's name: a letter or '_', then up to 30 letters, digits, '_' or '-'");
  }
}

void read_timeouts(ConfigReader& config, PoolConfig& pool) {
  config.read_span("start_timeout", pool.start_timeout, {10ms, day});
  config.read_span("drain_timeout", pool.drain_timeout, {1ms, week});
  config.read_span_or_off("hang_timeout", pool.hang_timeout, {100ms, day});
}

}  // namespace

bool is_pool_name(std::string_view name) noexcept {
  constexpr std::size_t most = 63;
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  if (name.empty() || name.size() > most || !is_letter(name.front())) return false;
  return std::all_of(name.begin(), name.end(),
                     [&](char c) { return is_letter(c) || (c >= '0' && c <= '9') || c == '_'; });
}

std::span<const ConfigSection> config_sections() noexcept {
  static const std::array<ConfigSection, 7> sections = {{{"", pool_keys},
                                                         {"listen", listen_keys()},
                                                         {"workers", workers_keys},
                                                         {"restart", restart_keys},
                                                         {"recycle", recycle_keys},
                                                         {"reload", reload_keys},
                                                         {"limits", limits_keys()}}};
  return sections;
}

PoolConfig read_pool(const Json& json, const std::string& name, std::vector<ConfigProblem>& problems) {
  constexpr std::array<std::string_view, 2> ready_words = {"notify", "exec"};
  constexpr std::array<std::string_view, 2> sandbox_words = {"default", "strict"};
  PoolConfig pool;
  pool.name = name;
  ConfigReader config(json, "", problems);
  config.allow_only(pool_keys);
  read_description(config, pool.description);
  read_listen(config, name, pool.listen);
  read_program(config, pool.program);
  read_workers(config, pool.workers);
  std::size_t ready = 0;
  if (config.read_word("ready", ready, ready_words)) pool.ready = ready == 0 ? ReadyMode::notify : ReadyMode::exec;
  read_timeouts(config, pool);
  read_stop_signal(config, pool.stop_signal);
  read_restart(config, pool.restart);
  read_recycle(config, pool.recycle);
  read_reload(config, pool.reload);
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
