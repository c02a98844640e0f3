// SPDX-License-Identifier: MIT
#include "config/reader/limits_reader.hpp"

#include <algorithm>
#include <array>
#include <fstream>
#include <optional>

#include "base/byte_size.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

enum class Unit { bytes, count, time };

struct Kind {
  int resource;
  Unit unit;
  rlim_t min;  // with less, no program could start far enough to report an error
};

constexpr rlim_t kilobyte = 1024;

Kind kind_of(int resource) {
  switch (resource) {
    case RLIMIT_NOFILE:
      return {resource, Unit::count, 16};
    case RLIMIT_NPROC:
      return {resource, Unit::count, 1};
    case RLIMIT_CPU:
      return {resource, Unit::time, 1};
    case RLIMIT_AS:
      return {resource, Unit::bytes, 1024 * kilobyte};
    case RLIMIT_STACK:
    case RLIMIT_DATA:
      return {resource, Unit::bytes, 64 * kilobyte};
    default:
      return {resource, Unit::bytes, 0};
  }
}

constexpr std::array<std::string_view, 2> pair_keys = {"soft", "hard"};

// The kernel's own maximum of RLIMIT_NOFILE, which applies even to root.
rlim_t max_open_files() {
  rlim_t max = 1024 * 1024;
  std::ifstream("/proc/sys/fs/nr_open") >> max;
  return max;
}

std::optional<rlim_t> read_bytes(ConfigReader& reader, std::string_view key, const Json& value) {
  if (value == 0) return 0;  // zero of any unit
  if (!value.is_string() && !value.is_number()) {
    reader.refuse(key, "must be a size such as \"64M\", or \"infinity\"");
    return std::nullopt;
  }
  const auto size = parse_byte_size(value.is_string() ? value.get<std::string>() : value.dump());
  if (size) return *size;
  reader.refuse(key, size.error().text);
  return std::nullopt;
}

std::optional<rlim_t> read_count(ConfigReader& reader, std::string_view key, const Json& value) {
  if (value.is_number_unsigned()) return value.get<rlim_t>();
  reader.refuse(key, "must be a whole number, or \"infinity\"");
  return std::nullopt;
}

std::optional<rlim_t> read_seconds(ConfigReader& reader, std::string_view key) {
  using std::chrono::seconds;
  Duration time{0};
  if (!reader.read_span(key, time, {seconds(1), std::chrono::hours(24 * 366)})) return std::nullopt;
  if (time % seconds(1) == Duration{0}) return static_cast<rlim_t>(time / seconds(1));
  reader.refuse(key, "must be a whole number of seconds");
  return std::nullopt;
}

std::optional<rlim_t> number_in(ConfigReader& reader, std::string_view key, const Kind& kind) {
  const Json& value = *reader.find(key);
  switch (kind.unit) {
    case Unit::bytes:
      return read_bytes(reader, key, value);
    case Unit::count:
      return read_count(reader, key, value);
    case Unit::time:
      return read_seconds(reader, key);
  }
  return std::nullopt;
}

std::string show(rlim_t value, const Kind& kind) {
  return kind.unit == Unit::bytes ? format_byte_size(value) : std::to_string(value);
}

std::optional<rlim_t> read_value(ConfigReader& reader, std::string_view key, const Kind& kind) {
  if (*reader.find(key) == "infinity") return kind.resource == RLIMIT_NOFILE ? max_open_files() : RLIM_INFINITY;
  const auto value = number_in(reader, key, kind);
  if (!value) return std::nullopt;
  if (*value < kind.min) {
    reader.refuse(key, "must be at least " + show(kind.min, kind));
  } else if (kind.resource == RLIMIT_NOFILE && *value > max_open_files()) {
    reader.refuse(key, "must be at most " + std::to_string(max_open_files()) + ", this machine's fs.nr_open");
  } else {
    return value;
  }
  return std::nullopt;
}

std::optional<ResourceLimit> read_pair(ConfigReader pair, const Kind& kind) {
  pair.allow_only(pair_keys);
  std::array<std::optional<rlim_t>, pair_keys.size()> values;
  for (std::size_t i = 0; i < pair_keys.size(); ++i) {
    if (pair.find(pair_keys[i]) == nullptr) {
      pair.refuse(pair_keys[i], R"(is missing; {"soft": …, "hard": …} needs both)");
    } else {
      values[i] = read_value(pair, pair_keys[i], kind);
    }
  }
  const auto& [soft, hard] = values;
  if (!soft || !hard) return std::nullopt;
  if (*soft <= *hard) return ResourceLimit{kind.resource, *soft, *hard};
  pair.refuse("soft", "must be at most the hard limit, " + show_value(*pair.find("hard")));
  return std::nullopt;
}

}  // namespace

std::span<const std::string_view> limits_keys() noexcept {
  static constexpr auto names = [] {
    std::array<std::string_view, named_limits.size()> all;
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = named_limits[i].name;
    return all;
  }();
  return names;
}

void read_limits(ConfigReader& config, std::vector<ResourceLimit>& out) {
  auto limits = config.object("limits");
  if (!limits) return;
  limits->allow_only(limits_keys());
  for (const auto& [name, resource] : named_limits) {
    const Json* const value = limits->find(name);
    if (value == nullptr) continue;
    const Kind kind = kind_of(resource);
    if (value->is_object()) {
      if (const auto limit = read_pair(*limits->object(name), kind)) out.push_back(*limit);
    } else if (const auto both = read_value(*limits, name, kind)) {
      out.push_back({resource, *both, *both});
    }
  }
}

}  // namespace preforkd
