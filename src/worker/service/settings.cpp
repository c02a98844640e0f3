// SPDX-License-Identifier: MIT
#include "worker/service/settings.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <limits>
#include <optional>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/byte_size.hpp"
#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/nearest_name.hpp"
#include "base/time_span.hpp"
#include "wire/transfer.hpp"

namespace prefork::internal {

// A limit of the worker cannot differ between its services.
enum class LimitScope : std::uint8_t { service, worker };

namespace {

using Json = nlohmann::json;
using preforkd::Failure;
using preforkd::Result;
using std::chrono::milliseconds;

constexpr std::size_t shown_bytes = 80;

// Sizes are written with a unit, counts are plain numbers.
struct SizeKey {
  std::string_view name;
  std::size_t LimitValues::*field;
  std::size_t max;
  bool is_count = false;
  bool may_be_off = true;
  LimitScope scope = LimitScope::service;
};
constexpr std::size_t gibibyte = std::size_t{1} << 30;
constexpr std::size_t million = 1'000'000;
constexpr auto size_keys = std::to_array<SizeKey>({
    {"max_message", &LimitValues::max_message, gibibyte, false, false},
    {"max_connections", &LimitValues::max_connections, million, true, false},
    {"max_connections_per_peer", &LimitValues::max_connections_per_peer, million, true, true, LimitScope::worker},
    {"max_connection_rate_per_peer", &LimitValues::max_connection_rate_per_peer, million, true, true,
     LimitScope::worker},
    {"output_high_mark", &LimitValues::output_high_mark, gibibyte, false, false},
    {"max_output", &LimitValues::max_output, 4 * gibibyte - 1},
    {"max_input_memory", &LimitValues::max_input_memory, 1024 * gibibyte, false, true, LimitScope::worker},
    {"min_receive_rate", &LimitValues::min_receive_rate, gibibyte},
    {"min_send_rate", &LimitValues::min_send_rate, gibibyte},
    {"max_kept_state", &LimitValues::max_kept_state, preforkd::transfer::max_state_bytes, false, false,
     LimitScope::worker},
    {"worker_queue", &LimitValues::worker_queue, gibibyte, false, true, LimitScope::worker},
});

struct TimeOutKey {
  std::string_view name;
  milliseconds LimitValues::*field;
  LimitScope scope = LimitScope::service;
};
constexpr auto time_out_keys = std::to_array<TimeOutKey>({
    {"idle_timeout", &LimitValues::idle_timeout},
    {"first_message_timeout", &LimitValues::first_message_timeout},
    {"message_timeout", &LimitValues::message_timeout},
    {"write_timeout", &LimitValues::write_timeout},
    {"reply_timeout", &LimitValues::reply_timeout},
    {"drain_timeout", &LimitValues::drain_timeout, LimitScope::worker},
    {"drain_spread", &LimitValues::drain_spread, LimitScope::worker},
    {"first_message_grace", &LimitValues::first_message_grace, LimitScope::worker},
});
// Longer ones would approach the end of the clock.
constexpr milliseconds max_time_out = std::chrono::hours(24 * 365);

constexpr std::string_view drain_idle = "drain_idle";
constexpr std::string_view move_connections = "move_connections";
constexpr std::string_view proxy_protocol = "proxy_protocol";
constexpr std::string_view trusted_proxies = "trusted_proxies";

std::string show(const Json& value) {
  if (value.is_object()) return "{…}";
  if (value.is_array()) return "[…]";
  if (value.is_string()) return '"' + preforkd::escape_bytes(value.get_ref<const std::string&>(), shown_bytes) + '"';
  return preforkd::escape_bytes(value.dump(-1, ' ', false, Json::error_handler_t::replace), shown_bytes);
}

std::string show_size(std::size_t size, const SizeKey& key) {
  return key.is_count ? std::to_string(size) : preforkd::format_byte_size(size);
}

std::string range_of(const SizeKey& key) {
  return "must be from " + show_size(1, key) + " to " + show_size(key.max, key) +
         (key.may_be_off ? ", or \"off\"" : "");
}

Result<std::size_t> read_count(const Json& value, const SizeKey& key) {
  if (key.may_be_off && value == "off") return std::size_t{0};
  if (!value.is_number_integer()) return Failure("must be a whole number from 1 to " + std::to_string(key.max));
  const bool fits =
      value.is_number_unsigned() && value.get<std::uint64_t>() >= 1 && value.get<std::uint64_t>() <= key.max;
  if (!fits) return Failure(range_of(key));
  return static_cast<std::size_t>(value.get<std::uint64_t>());
}

Result<std::uint64_t> read_byte_size(const Json& value) {
  if (value.is_number()) return Failure("has no unit; write \"" + value.dump() + "B\", \"64K\", …");
  if (!value.is_string()) return Failure("must be a size such as \"64K\"");
  return preforkd::parse_byte_size(value.get_ref<const std::string&>());
}

Result<std::size_t> read_size(const Json& value, const SizeKey& key) {
  if (key.may_be_off && value == "off") return std::size_t{0};
  const Result<std::uint64_t> size = read_byte_size(value);
  if (!size) return Failure(size.error());
  if (*size < 1 || *size > key.max) return Failure(range_of(key));
  return static_cast<std::size_t>(*size);
}

Result<preforkd::Duration> read_time_span(const Json& value, preforkd::Duration max, const char* or_else) {
  if (value.is_number()) return Failure("has no unit; write \"" + value.dump() + "s\", \"" + value.dump() + "ms\", …");
  if (!value.is_string()) return Failure(std::string("must be a time span such as \"30s\"") + or_else);
  Result<preforkd::Duration> span = preforkd::parse_time_span(value.get_ref<const std::string&>());
  if (span && *span > max) {
    return Failure("must be at most " + (max == max_time_out ? "365d" : preforkd::format_time_span(max)));
  }
  return span;
}

Result<milliseconds> read_time_out(const Json& value) {
  if (value == "off") return milliseconds(0);
  const Result<preforkd::Duration> span = read_time_span(value, max_time_out, ", or \"off\"");
  if (!span) return Failure(span.error());
  // Do not round a shorter one to "off": report it.
  if (*span < milliseconds(1)) return Failure("must be at least 1ms, or \"off\"");
  return std::chrono::ceil<milliseconds>(*span);
}

template <class Integer>
Result<Integer> read_integer(const Json& value, Integer min, Integer max) {
  if (!value.is_number_integer()) return Failure("must be a whole number");
  const bool fits = value.is_number_unsigned() ? std::cmp_less_equal(value.get<std::uint64_t>(), max) &&
                                                     std::cmp_greater_equal(value.get<std::uint64_t>(), min)
                                               : std::cmp_less_equal(value.get<std::int64_t>(), max) &&
                                                     std::cmp_greater_equal(value.get<std::int64_t>(), min);
  if (!fits) return Failure("must be from " + std::to_string(min) + " to " + std::to_string(max));
  return value.get<Integer>();
}

Result<bool> read_boolean(const Json& value) {
  if (!value.is_boolean()) return Failure("must be true or false");
  return value.get<bool>();
}

Result<DrainIdle> read_drain_idle(const Json& value) {
  if (value == "close") return DrainIdle::close;
  if (value == "keep") return DrainIdle::keep;
  return Failure("must be \"close\" or \"keep\"");
}

Result<ProxyProtocol> read_proxy_protocol(const Json& value) {
  if (value == "off") return ProxyProtocol::off;
  if (value == "accept") return ProxyProtocol::accept;
  if (value == "require") return ProxyProtocol::require;
  return Failure("must be \"off\", \"accept\" or \"require\"");
}

Result<std::vector<std::string>> read_strings(const Json& value) {
  const auto is_string = [](const Json& entry) { return entry.is_string(); };
  if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_string)) {
    return Failure("must be a list of strings");
  }
  return value.get<std::vector<std::string>>();
}

Result<std::vector<Network>> read_networks(const Json& value) {
  const auto texts = read_strings(value);
  if (!texts) return Failure(texts.error());
  std::vector<Network> networks;
  for (const std::string& text : *texts) {
    const auto network = Network::parse(text);
    if (!network) return Failure('"' + preforkd::escape_bytes(text, shown_bytes) + "\" " + network.error().text);
    networks.push_back(*network);
  }
  return networks;
}

// The object, or why there is none.
Result<Json> parse_object(std::string_view text) {
  if (text.empty()) return Json::object();
  try {
    Json json = Json::parse(text);
    if (!json.is_object()) return Failure("must be a JSON object");
    return json;
  } catch (const Json::parse_error& error) {
    return Failure("is not JSON: error at byte " + std::to_string(error.byte));
  } catch (const Json::exception& error) {
    return Failure("is not JSON: " + preforkd::escape_bytes(error.what()));
  }
}

}  // namespace

// One object of limits and other keys: the settings, or the part of them that is for one service.
struct SettingsSection {
  std::string path;  // "settings." or "settings.admin."
  Json object = Json::object();
  std::vector<std::string> known;
  std::string limits_of;  // who sets the limits in the program
  LimitScope scope = LimitScope::worker;

  [[nodiscard]] bool knows(std::string_view key) const {
    return std::find(known.begin(), known.end(), key) != known.end();
  }
  const Json* find(std::string_view key) {
    if (!knows(key)) known.emplace_back(key);
    const auto at = object.find(key);
    return at == object.end() ? nullptr : &*at;
  }
  [[nodiscard]] std::string path_of(std::string_view key) const {
    return path + preforkd::escape_bytes(key, shown_bytes);
  }
};

namespace {

void add_limits(std::vector<std::string>& known, LimitScope scope) {
  const auto add = [&](const auto& key) {
    if (key.scope <= scope) known.emplace_back(key.name);
  };
  for (const SizeKey& key : size_keys) add(key);
  for (const TimeOutKey& key : time_out_keys) add(key);
  known.insert(known.end(), {std::string(proxy_protocol), std::string(trusted_proxies)});
  if (scope == LimitScope::worker) known.insert(known.end(), {std::string(drain_idle), std::string(move_connections)});
}

bool is_limit(std::string_view key) {
  std::vector<std::string> limits;
  add_limits(limits, LimitScope::worker);
  return std::find(limits.begin(), limits.end(), key) != limits.end();
}

}  // namespace

struct Settings::Impl {
  void refuse(const SettingsSection& section, std::string_view key, const Json& value, const std::string& reason) {
    add(section.path_of(key) + ": " + show(value) + ": " + reason);
  }
  // A key that is read twice is reported once.
  void add(std::string problem) {
    if (std::find(problems.begin(), problems.end(), problem) == problems.end()) problems.push_back(std::move(problem));
  }
  // The value read by `read`, or nullopt if the key is absent or wrong.
  template <class T, class Read>
  std::optional<T> value(SettingsSection& section, std::string_view key, Read read) {
    const Json* const json = section.find(key);
    if (json == nullptr) return std::nullopt;
    Result<T> read_value = read(*json);
    if (read_value) return std::move(*read_value);
    refuse(section, key, *json, read_value.error().text);
    return std::nullopt;
  }
  template <class T, class Read>
  std::optional<T> value(std::string_view key, Read read) {
    return value<T>(settings, key, read);
  }
  void read_limit(SettingsSection& section, const SizeKey& key, std::size_t& limit);
  void read_limit(SettingsSection& section, const TimeOutKey& key, milliseconds& limit);
  void read_proxies(SettingsSection& section, LimitValues& limits);
  [[nodiscard]] LimitValues limits(SettingsSection& section, const LimitValues& programs);
  [[nodiscard]] SettingsSection section_of(std::string_view service);
  void add_unknown(const SettingsSection& section, std::vector<std::string>& all) const;

  SettingsSection settings{"settings.", Json::object(), {}, "Server::limits()", LimitScope::worker};
  std::vector<SettingsSection> services;
  std::vector<std::string> problems;
};

Settings::Settings(std::string_view json) : impl_(std::make_unique<Impl>()) {
  Result<Json> object = parse_object(json);
  if (object) {
    impl_->settings.object = std::move(*object);
  } else {
    impl_->add("PREFORK_SETTINGS: " + object.error().text);
  }
  add_limits(impl_->settings.known, LimitScope::worker);
}

Settings::Settings(Settings&& other) noexcept = default;
Settings& Settings::operator=(Settings&& other) noexcept = default;
Settings::~Settings() = default;

bool Settings::boolean(std::string_view key, bool fallback) {
  return impl_->value<bool>(key, read_boolean).value_or(fallback);
}

std::int64_t Settings::integer(std::string_view key, std::int64_t fallback, std::int64_t min, std::int64_t max) {
  const auto read = [=](const Json& value) { return read_integer(value, min, max); };
  return impl_->value<std::int64_t>(key, read).value_or(fallback);
}

std::uint64_t Settings::unsigned_integer(std::string_view key, std::uint64_t fallback, std::uint64_t max) {
  const auto read = [=](const Json& value) { return read_integer(value, std::uint64_t{0}, max); };
  return impl_->value<std::uint64_t>(key, read).value_or(fallback);
}

double Settings::number(std::string_view key, double fallback) {
  const auto read = [](const Json& value) -> Result<double> {
    if (!value.is_number()) return Failure("must be a number");
    return value.get<double>();
  };
  return impl_->value<double>(key, read).value_or(fallback);
}

std::uint64_t Settings::byte_size(std::string_view key, std::uint64_t fallback) {
  return impl_->value<std::uint64_t>(key, read_byte_size).value_or(fallback);
}

std::vector<std::string> Settings::strings(std::string_view key, const std::vector<std::string>& fallback) {
  std::optional<std::vector<std::string>> value = impl_->value<std::vector<std::string>>(key, read_strings);
  if (value) return std::move(*value);
  return fallback;
}

std::optional<std::chrono::microseconds> Settings::time_span(std::string_view key, std::chrono::microseconds max) {
  return impl_->value<preforkd::Duration>(key, [=](const Json& value) { return read_time_span(value, max, ""); });
}

std::optional<std::string> Settings::json(std::string_view key) {
  const Json* const value = impl_->settings.find(key);
  if (value == nullptr) return std::nullopt;
  return value->dump();
}

std::string Settings::string(std::string_view key, std::string_view fallback) {
  const auto read = [](const Json& value) -> Result<std::string> {
    if (!value.is_string()) return Failure("must be a string in quotes");
    return value.get<std::string>();
  };
  std::optional<std::string> value = impl_->value<std::string>(key, read);
  return value ? std::move(*value) : std::string(fallback);
}

void Settings::Impl::read_limit(SettingsSection& section, const SizeKey& key, std::size_t& limit) {
  const auto read = [&key](const Json& json) { return key.is_count ? read_count(json, key) : read_size(json, key); };
  if (const auto set = value<std::size_t>(section, key.name, read)) {
    limit = *set;
  } else if (limit > key.max || (limit == 0 && !key.may_be_off)) {
    add(section.limits_of + ": " + std::string(key.name) + ": " + std::to_string(limit) + ": " + range_of(key));
  }
}

void Settings::Impl::read_limit(SettingsSection& section, const TimeOutKey& key, milliseconds& limit) {
  if (const auto set = value<milliseconds>(section, key.name, read_time_out)) {
    limit = *set;
  } else if (limit < milliseconds(0) || limit > max_time_out) {
    add(section.limits_of + ": " + std::string(key.name) + ": " + std::to_string(limit.count()) +
        "ms: must be from 0 (off) to 365d");
  }
}

// The settings of the worker may name listening sockets; those that they do not name have "off".
void Settings::Impl::read_proxies(SettingsSection& section, LimitValues& limits) {
  if (auto networks = value<std::vector<Network>>(section, trusted_proxies, read_networks)) {
    limits.trusted_proxies = std::move(*networks);
  }
  const Json* const json = section.find(proxy_protocol);
  if (json == nullptr) return;
  if (section.scope != LimitScope::worker || !json->is_object()) {
    limits.proxy_protocol =
        value<ProxyProtocol>(section, proxy_protocol, read_proxy_protocol).value_or(limits.proxy_protocol);
    return;
  }
  limits.proxy_protocol = ProxyProtocol::off;
  for (const auto& [listener, word] : json->items()) {
    if (const auto read = read_proxy_protocol(word)) {
      limits.proxy_protocol_of[listener] = *read;
    } else {
      refuse(section, std::string(proxy_protocol) + "." + listener, word, read.error().text);
    }
  }
}

LimitValues Settings::Impl::limits(SettingsSection& section, const LimitValues& programs) {
  LimitValues merged = programs;
  for (const SizeKey& key : size_keys) {
    if (key.scope <= section.scope) read_limit(section, key, merged.*key.field);
  }
  for (const TimeOutKey& key : time_out_keys) {
    if (key.scope <= section.scope) read_limit(section, key, merged.*key.field);
  }
  read_proxies(section, merged);
  if (section.scope == LimitScope::worker) {
    merged.drain_idle = value<DrainIdle>(section, drain_idle, read_drain_idle).value_or(programs.drain_idle);
    merged.move_connections = value<bool>(section, move_connections, read_boolean).value_or(programs.move_connections);
  }
  return merged;
}

// Empty if the settings have nothing for it.
SettingsSection Settings::Impl::section_of(std::string_view service) {
  const std::string name = preforkd::escape_bytes(service, shown_bytes);
  SettingsSection section{
      "settings." + name + ".", Json::object(), {}, "Service::limits() of \"" + name + "\"", LimitScope::service};
  add_limits(section.known, LimitScope::service);
  if (is_limit(service)) return section;
  const auto read = [](const Json& json) -> Result<Json> {
    if (!json.is_object()) return Failure("must be an object: limits of this service");
    return json;
  };
  if (auto object = value<Json>(service, read)) section.object = std::move(*object);
  return section;
}

void Settings::Impl::add_unknown(const SettingsSection& section, std::vector<std::string>& all) const {
  const std::vector<std::string_view> known(section.known.begin(), section.known.end());
  for (const auto& [key, value] : section.object.items()) {
    if (section.knows(key)) continue;
    std::string problem = section.path_of(key) + ": ";
    const std::string_view nearest = preforkd::nearest_name(key, known);
    if (is_limit(key)) {
      problem += "is a limit of the worker; set settings." + key;
    } else if (nearest.empty()) {
      problem += "unknown key";
    } else {
      problem += "unknown key; did you mean \"" + std::string(nearest) + "\"?";
    }
    all.push_back(std::move(problem));
  }
}

LimitValues Settings::limits(const LimitValues& programs) { return impl_->limits(impl_->settings, programs); }

LimitValues Settings::service_limits(std::string_view service, const LimitValues& programs) {
  SettingsSection section = impl_->section_of(service);
  // A second run() asks again.
  std::erase_if(impl_->services, [&](const SettingsSection& before) { return before.path == section.path; });
  impl_->services.push_back(std::move(section));
  return impl_->limits(impl_->services.back(), programs);
}

std::vector<std::string> Settings::problems() const {
  std::vector<std::string> all = impl_->problems;
  impl_->add_unknown(impl_->settings, all);
  for (const SettingsSection& service : impl_->services) impl_->add_unknown(service, all);
  return all;
}

}  // namespace prefork::internal
