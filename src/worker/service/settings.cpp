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

namespace prefork::internal {

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
};
constexpr std::size_t gibibyte = std::size_t{1} << 30;
constexpr std::size_t million = 1'000'000;
constexpr auto size_keys = std::to_array<SizeKey>({
    {"max_message", &LimitValues::max_message, gibibyte, false, false},
    {"max_connections", &LimitValues::max_connections, million, true, false},
    {"max_connections_per_peer", &LimitValues::max_connections_per_peer, million, true},
    {"max_connection_rate_per_peer", &LimitValues::max_connection_rate_per_peer, million, true},
    {"output_high_mark", &LimitValues::output_high_mark, gibibyte, false, false},
    {"max_output", &LimitValues::max_output, 4 * gibibyte - 1},
    {"max_input_memory", &LimitValues::max_input_memory, 1024 * gibibyte},
    {"min_receive_rate", &LimitValues::min_receive_rate, gibibyte},
    {"min_send_rate", &LimitValues::min_send_rate, gibibyte},
});

struct TimeOutKey {
  std::string_view name;
  milliseconds LimitValues::*field;
};
constexpr auto time_out_keys = std::to_array<TimeOutKey>({
    {"idle_timeout", &LimitValues::idle_timeout},
    {"first_message_timeout", &LimitValues::first_message_timeout},
    {"message_timeout", &LimitValues::message_timeout},
    {"write_timeout", &LimitValues::write_timeout},
    {"reply_timeout", &LimitValues::reply_timeout},
    {"drain_timeout", &LimitValues::drain_timeout},
    {"drain_spread", &LimitValues::drain_spread},
    {"first_message_grace", &LimitValues::first_message_grace},
});
// Longer ones would approach the end of the clock.
constexpr milliseconds max_time_out = std::chrono::hours(24 * 365);

constexpr std::string_view drain_idle = "drain_idle";

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

Result<DrainIdle> read_drain_idle(const Json& value) {
  if (value == "close") return DrainIdle::close;
  if (value == "keep") return DrainIdle::keep;
  return Failure("must be \"close\" or \"keep\"");
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

struct Settings::Impl {
  const Json* find(std::string_view key) {
    if (std::find(known.begin(), known.end(), key) == known.end()) known.emplace_back(key);
    const auto at = object.find(key);
    return at == object.end() ? nullptr : &*at;
  }
  void refuse(std::string_view key, const Json& value, const std::string& reason) {
    add("settings." + preforkd::escape_bytes(key, shown_bytes) + ": " + show(value) + ": " + reason);
  }
  // A key that is read twice is reported once.
  void add(std::string problem) {
    if (std::find(problems.begin(), problems.end(), problem) == problems.end()) problems.push_back(std::move(problem));
  }
  // A value that the program itself has set.
  void check(const std::string& owner, const SizeKey& key, const LimitValues& limits) {
    const std::size_t size = limits.*key.field;
    if (size <= key.max && (size > 0 || key.may_be_off)) return;
    add(owner + ": " + std::string(key.name) + ": " + std::to_string(size) + ": " + range_of(key));
  }
  void check(const std::string& owner, const TimeOutKey& key, const LimitValues& limits) {
    const milliseconds time = limits.*key.field;
    if (time >= milliseconds(0) && time <= max_time_out) return;
    add(owner + ": " + std::string(key.name) + ": " + std::to_string(time.count()) +
        "ms: must be from 0 (off) to 365d");
  }
  // The value read by `read`, or nullopt if the key is absent or wrong.
  template <class T, class Read>
  std::optional<T> value(std::string_view key, Read read) {
    const Json* const json = find(key);
    if (json == nullptr) return std::nullopt;
    Result<T> read_value = read(*json);
    if (read_value) return std::move(*read_value);
    refuse(key, *json, read_value.error().text);
    return std::nullopt;
  }

  Json object = Json::object();
  std::vector<std::string> known;
  std::vector<std::string> problems;
};

Settings::Settings(std::string_view json) : impl_(std::make_unique<Impl>()) {
  Result<Json> object = parse_object(json);
  if (object) {
    impl_->object = std::move(*object);
  } else {
    impl_->add("PREFORK_SETTINGS: " + object.error().text);
  }
  for (const SizeKey& key : size_keys) impl_->known.emplace_back(key.name);
  for (const TimeOutKey& key : time_out_keys) impl_->known.emplace_back(key.name);
  impl_->known.emplace_back(drain_idle);
}

Settings::Settings(Settings&& other) noexcept = default;
Settings& Settings::operator=(Settings&& other) noexcept = default;
Settings::~Settings() = default;

bool Settings::boolean(std::string_view key, bool fallback) {
  const auto read = [](const Json& value) -> Result<bool> {
    if (!value.is_boolean()) return Failure("must be true or false");
    return value.get<bool>();
  };
  return impl_->value<bool>(key, read).value_or(fallback);
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
  const auto read = [](const Json& value) -> Result<std::vector<std::string>> {
    const auto is_string = [](const Json& entry) { return entry.is_string(); };
    if (!value.is_array() || !std::all_of(value.begin(), value.end(), is_string)) {
      return Failure("must be a list of strings");
    }
    return value.get<std::vector<std::string>>();
  };
  std::optional<std::vector<std::string>> value = impl_->value<std::vector<std::string>>(key, read);
  return value ? std::move(*value) : fallback;
}

std::optional<std::chrono::microseconds> Settings::time_span(std::string_view key, std::chrono::microseconds max) {
  return impl_->value<preforkd::Duration>(key, [=](const Json& value) { return read_time_span(value, max, ""); });
}

std::optional<std::string> Settings::json(std::string_view key) {
  const Json* const value = impl_->find(key);
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

LimitValues Settings::limits(const LimitValues& limits) {
  LimitValues merged = limits;
  for (const SizeKey& key : size_keys) {
    const auto read = [&key](const Json& value) {
      return key.is_count ? read_count(value, key) : read_size(value, key);
    };
    if (const auto value = impl_->value<std::size_t>(key.name, read)) {
      merged.*key.field = *value;
    } else {
      impl_->check("Server::limits()", key, limits);
    }
  }
  for (const TimeOutKey& key : time_out_keys) {
    if (const auto value = impl_->value<milliseconds>(key.name, read_time_out)) {
      merged.*key.field = *value;
    } else {
      impl_->check("Server::limits()", key, limits);
    }
  }
  merged.drain_idle = impl_->value<DrainIdle>(drain_idle, read_drain_idle).value_or(limits.drain_idle);
  return merged;
}

void Settings::check_service(std::string_view name, const LimitValues& limits) {
  const std::string owner = "service \"" + preforkd::escape_bytes(name, shown_bytes) + '"';
  for (const SizeKey& key : size_keys) impl_->check(owner, key, limits);
  for (const TimeOutKey& key : time_out_keys) impl_->check(owner, key, limits);
}

std::vector<std::string> Settings::problems() const {
  const std::vector<std::string_view> known(impl_->known.begin(), impl_->known.end());
  std::vector<std::string> all = impl_->problems;
  for (const auto& [key, value] : impl_->object.items()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    std::string problem = "settings." + preforkd::escape_bytes(key, shown_bytes) + ": unknown key";
    const std::string_view nearest = preforkd::nearest_name(key, known);
    if (!nearest.empty()) problem += "; did you mean \"" + std::string(nearest) + "\"?";
    all.push_back(std::move(problem));
  }
  return all;
}

}  // namespace prefork::internal
