// SPDX-License-Identifier: MIT
#include "config/config_rows.hpp"

#include <array>
#include <cstdio>
#include <ctime>
#include <limits>
#include <map>

#include <nlohmann/json.hpp>

#include "base/byte_size.hpp"
#include "base/escape.hpp"
#include "base/signal_name.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_value_bytes = 120;

std::string shown(std::string_view text) { return text.empty() ? "\"\"" : escape_bytes(text, max_value_bytes); }

// Differs whenever the lists do.
std::string identity_of(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& each : list) text += std::to_string(each.size()) + ':' + each;
  return text;
}

// A dot that is part of a name does not separate levels: {"a.b": 1} is another key than {"a": {"b": 1}}.
std::string key_step(std::string_view name) {
  std::string step;
  for (const char c : escape_bytes(name, std::numeric_limits<std::size_t>::max())) {
    if (c == '.') step += '\\';
    step += c;
  }
  return step;
}

std::string joined(const std::vector<std::string>& list) {
  std::string text;
  for (const std::string& each : list) text += (text.empty() ? "" : " ") + each;
  return list.empty() ? "none" : shown(text);
}

template <class Numbers>
std::string numbers(const Numbers& list) {
  std::string text;
  for (const auto number : list) text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text.empty() ? "none" : text;
}

std::string span_or_off(const std::optional<Duration>& span) { return span ? format_time_span(*span) : "off"; }

std::string percent(double fraction) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.6g%%", fraction * 100);
  return text.data();
}

std::string octal(mode_t mode) {
  std::array<char, 16> text{};
  std::snprintf(text.data(), text.size(), "%04o", static_cast<unsigned>(mode));
  return text.data();
}

template <class Number>
std::string number_or(const std::optional<Number>& number, const char* otherwise) {
  return number ? std::to_string(*number) : otherwise;
}

std::string workers_text(const WorkerCount& workers) {
  if (workers.min == workers.max) return std::to_string(workers.max);
  const std::string range = std::to_string(workers.min) + " to " + std::to_string(workers.max);
  return workers.initial == workers.min ? range : range + ", at first " + std::to_string(workers.initial);
}

std::string workers_or_percent(const std::variant<unsigned, double>& value) {
  if (const double* const fraction = std::get_if<double>(&value)) return percent(*fraction);
  return std::to_string(std::get<unsigned>(value));
}

std::string affinity_text(const CpuAffinity& affinity) {
  if (affinity.spread) return "spread";
  return affinity.cpus.empty() ? "as preforkd" : numbers(affinity.cpus);
}

std::string version_text(const FileVersion& version) {
  constexpr std::int64_t second = 1'000'000'000;
  const std::time_t seconds = version.modified / second;
  std::tm parts{};
  std::array<char, 64> time{};
  gmtime_r(&seconds, &parts);
  std::strftime(time.data(), time.size(), "%F %T", &parts);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%09lld", static_cast<long long>(version.modified % second));
  return std::to_string(version.bytes) + " bytes of " + time.data() + fraction.data() + " UTC, inode " +
         std::to_string(version.device) + ":" + std::to_string(version.inode);
}

class Rows {
 public:
  explicit Rows(std::vector<ConfigRow>& out) : out_(out) {}

  ConfigRow& add(std::string key, std::string value, ChangeNeeds needs = ChangeNeeds::generation) {
    out_.push_back({std::move(key), std::move(value), needs});
    return out_.back();
  }

  void add_listen(const std::vector<ListenConfig>& listen) {
    std::map<std::string, unsigned> seen;  // port 0 may occur twice
    for (const ListenConfig& entry : listen) {
      std::string key = "listen " + format_address(entry.address);
      if (const unsigned count = ++seen[key]; count > 1) key += " (" + std::to_string(count) + ")";
      add(key, "name " + entry.name).present = true;
      const auto detail = [&](const char* name, std::string value) {
        add(key + " " + name, std::move(value), ChangeNeeds::socket).detail = true;
      };
      detail("backlog", std::to_string(entry.options.backlog));
      detail("mode", octal(entry.options.unix_mode.value_or(default_unix_mode)));
      detail("user", number_or(entry.options.unix_user, "as it is"));
      detail("group", number_or(entry.options.unix_group, "as it is"));
    }
  }

  void add_text(std::string key, const std::string& text, ChangeNeeds needs = ChangeNeeds::generation) {
    add(std::move(key), shown(text), needs).identity = text;
  }

  void add_list(std::string key, const std::vector<std::string>& list, ChangeNeeds needs = ChangeNeeds::generation) {
    add(std::move(key), joined(list), needs).identity = identity_of(list);
  }

  void add_object(const std::string& key, const Json& object) {
    for (const auto& [name, below] : object.items()) add_json(key + "." + key_step(name), below);
  }

 private:
  void add_json(const std::string& key, const Json& value) {
    if (value.is_object() && !value.empty()) return add_object(key, value);
    const std::string text = value.dump();
    add(key, shown(value.is_string() ? value.get_ref<const std::string&>() : text)).identity = text;
  }

  std::vector<ConfigRow>& out_;
};

void add_scale(Rows& rows, const std::optional<ScaleConfig>& config) {
  constexpr ChangeNeeds of_master = ChangeNeeds::nothing;
  const ScaleConfig scale = config.value_or(ScaleConfig{});
  rows.add("workers.scale", config ? "on" : "off", ChangeNeeds::resize);
  rows.add("workers.scale.queue", std::to_string(scale.queue), of_master);
  rows.add("workers.scale.busy", scale.busy ? percent(*scale.busy) : "off", of_master);
  rows.add("workers.scale.up", format_time_span(scale.up), of_master);
  rows.add("workers.scale.down", format_time_span(scale.down), of_master);
  rows.add("workers.scale.step", workers_or_percent(scale.step), of_master);
  rows.add("workers.scale.idle_for", format_time_span(scale.idle_for), of_master);
  rows.add("workers.scale.idle_exit", span_or_off(scale.idle_exit), of_master);
}

void add_of_master(Rows& rows, const PoolConfig& config) {
  constexpr ChangeNeeds of_master = ChangeNeeds::nothing;
  const RestartConfig& restart = config.restart;
  rows.add("alert_after", span_or_off(config.alert_after), of_master);
  rows.add("restart.delay", format_time_span(restart.delay), of_master);
  rows.add("restart.max_delay", format_time_span(restart.max_delay), of_master);
  rows.add("restart.forget_after", format_time_span(restart.forget_after), of_master);
  rows.add("restart.never", numbers(restart.never), of_master);
  const RecycleConfig& recycle = config.recycle;
  rows.add("recycle.requests", recycle.requests == 0 ? "off" : std::to_string(recycle.requests), of_master);
  rows.add("recycle.age", span_or_off(recycle.age), of_master);
  rows.add("recycle.memory", recycle.memory ? format_byte_size(*recycle.memory) : "off", of_master);
  rows.add("recycle.jitter", percent(recycle.jitter), of_master);
  rows.add("recycle.at_most", std::to_string(recycle.at_most), of_master);
  const ReloadConfig& reload = config.reload;
  rows.add("reload.max_surge", workers_or_percent(reload.max_surge), of_master);
  rows.add("reload.max_unavailable", std::to_string(reload.max_unavailable), of_master);
  rows.add("reload.soak", format_time_span(reload.soak), of_master);
  rows.add("reload.max_draining", std::to_string(reload.max_draining), of_master);
  rows.add("rebalance", config.rebalance == RebalanceMode::on_resize ? "on-resize" : "off", of_master);
}

void add_process(Rows& rows, const ProcessConfig& process) {
  rows.add("umask", process.umask ? octal(*process.umask) : "as preforkd's");
  rows.add("nice", number_or(process.nice, "as preforkd's"));
  for (const NamedLimit& named : named_limits) {
    std::string text = "as preforkd's";
    for (const ResourceLimit& limit : process.limits) {
      if (limit.resource == named.resource) text = to_string(limit);
    }
    rows.add("limits." + std::string(named.name), text);
  }
  rows.add("cpu_affinity", affinity_text(process.cpu_affinity));
}

}  // namespace

std::vector<ConfigRow> config_rows(const PoolConfig& config) {
  std::vector<ConfigRow> list;
  Rows rows(list);
  rows.add_text("description", config.description, ChangeNeeds::nothing);
  rows.add_listen(config.listen);
  rows.add_list("program", config.program);
  rows.add("workers", workers_text(config.workers), ChangeNeeds::resize);
  add_scale(rows, config.scale);
  rows.add("ready", config.ready == ReadyMode::exec ? "exec" : "notify");
  rows.add("start_timeout", format_time_span(config.start_timeout));
  rows.add("drain_timeout", format_time_span(config.drain_timeout));
  rows.add("hang_timeout", span_or_off(config.hang_timeout));
  rows.add("stop", std::string(stop_words.at(static_cast<std::size_t>(config.stop))));
  rows.add("stop_signal", signal_name(config.stop_signal));
  add_of_master(rows, config);
  for (const auto& [name, value] : config.environment) rows.add("environment." + name, value).shown = false;
  rows.add_list("environment_files", config.environment_files);
  rows.add_text("directory", config.directory);
  rows.add("user", config.user.empty() ? "the unit's" : config.user, ChangeNeeds::unit);
  rows.add("sandbox", config.sandbox == Sandbox::strict ? "strict" : "default", ChangeNeeds::unit);
  rows.add_list("writable", config.writable, ChangeNeeds::unit);
  add_process(rows, config.process);
  for (const NamedGroupLimit& name : named_group_limits) {
    std::string text = "off";
    for (const GroupLimit& limit : config.group_limits) {
      if (limit.name.key == name.key) text = limit.text;
    }
    rows.add(std::string(name.key), text);
  }
  const Json settings = Json::parse(config.settings, nullptr, false);
  if (settings.is_object()) rows.add_object("settings", settings);
  for (const FileStamp& stamp : config.files) {
    rows.add("file " + escape_bytes(stamp.path, 4096), version_text(stamp.version)).shown = false;
  }
  return list;
}

}  // namespace preforkd
