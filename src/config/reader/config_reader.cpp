// SPDX-License-Identifier: MIT
#include "config/reader/config_reader.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/byte_size.hpp"
#include "base/escape.hpp"
#include "base/nearest_name.hpp"
#include "base/whole_number.hpp"
#include "config/values/environment_variable.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t shown_value_bytes = 80;

// The text of a number or a string, for the parsers of units.
std::optional<std::string> text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number()) return value.dump();
  return std::nullopt;
}

std::optional<double> parse_percent(std::string_view text) {
  if (!text.ends_with('%') || text.starts_with('-')) return std::nullopt;
  text.remove_suffix(1);
  double percent = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), percent, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return percent;
}

std::string range_text(Range<std::uint64_t> range) {
  if (range.max == std::numeric_limits<std::uint64_t>::max()) return "of at least " + std::to_string(range.min);
  return "from " + std::to_string(range.min) + " to " + std::to_string(range.max);
}

}  // namespace

std::string show_value(const Json& value) {
  if (value.is_string()) return '"' + escape_bytes(value.get_ref<const std::string&>(), shown_value_bytes) + '"';
  std::string text = value.dump(-1, ' ', false, Json::error_handler_t::replace);
  return escape_bytes(text, shown_value_bytes);
}

void ConfigReader::allow_only(std::span<const std::string_view> known) {
  for (const auto& [key, value] : object_.items()) {
    bool is_known = false;
    for (const std::string_view candidate : known) is_known = is_known || candidate == key;
    if (is_known) continue;
    const std::string_view nearest = nearest_name(key, known);
    std::string reason = "unknown key";
    if (!nearest.empty()) reason += "; did you mean \"" + std::string(nearest) + "\"?";
    problems_.push_back({path_of(escape_bytes(key, shown_value_bytes)), show_value(value), std::move(reason)});
  }
}

const Json* ConfigReader::find(std::string_view key) const {
  const auto found = object_.find(key);
  return found == object_.end() ? nullptr : &*found;
}

std::string ConfigReader::path_of(std::string_view key) const {
  if (key.empty() || path_.empty()) return path_ + std::string(key);
  return path_ + '.' + std::string(key);
}

void ConfigReader::refuse(std::string_view key, std::string reason) {
  const Json* const value = find(key);
  problems_.push_back({path_of(key), value != nullptr ? show_value(*value) : std::string(), std::move(reason)});
}

void ConfigReader::refuse_below(std::string_view key, const std::string& below, const Json& value, std::string reason) {
  problems_.push_back({path_of(key) + below, show_value(value), std::move(reason)});
}

std::optional<ConfigReader> ConfigReader::object(std::string_view key) {
  const Json* const value = find(key);
  if (value == nullptr) return std::nullopt;
  if (value->is_object()) return ConfigReader(*value, path_of(key), problems_);
  refuse(key, "must be an object: {…}");
  return std::nullopt;
}

ConfigReader ConfigReader::element(std::string_view key, std::size_t index, const Json& value) const {
  return {value, path_of(key) + '[' + std::to_string(index) + ']', problems_};
}

bool ConfigReader::check_text(std::string_view key, const std::string& below, const Json& value, std::size_t limit) {
  if (!value.is_string()) {
    refuse_below(key, below, value, "must be a string in quotes");
    return false;
  }
  const std::string& text = value.get_ref<const std::string&>();
  if (text.find('\0') != std::string::npos) {
    refuse_below(key, below, value, "must not contain a NUL byte");
    return false;
  }
  if (text.size() > limit) {
    refuse_below(key, below, value,
                 "has " + std::to_string(text.size()) + " bytes; the limit is " + std::to_string(limit));
    return false;
  }
  return true;
}

bool ConfigReader::read_string(std::string_view key, std::string& out, std::size_t limit) {
  const Json* const value = find(key);
  if (value == nullptr || !check_text(key, "", *value, limit)) return false;
  out = value->get<std::string>();
  return true;
}

bool ConfigReader::read_strings(std::string_view key, std::vector<std::string>& out, std::size_t max,
                                const char* example) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (!value->is_array()) {
    refuse(key, std::string("must be an array of strings: ") + example);
    return false;
  }
  if (value->size() > max) {
    refuse(key, "has " + std::to_string(value->size()) + " entries; the limit is " + std::to_string(max));
    return false;
  }
  std::vector<std::string> strings;
  for (const Json& entry : *value) {
    const std::string below = '[' + std::to_string(&entry - &value->front()) + ']';
    if (check_text(key, below, entry, max_exec_string_bytes)) strings.push_back(entry.get<std::string>());
  }
  if (strings.size() != value->size()) return false;
  out = std::move(strings);
  return true;
}

bool ConfigReader::read_number(std::string_view key, std::uint64_t& out, Range<std::uint64_t> range) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  const bool negative = !value->is_number_unsigned() && value->is_number_integer() && value->get<std::int64_t>() < 0;
  if (!value->is_number_integer()) {
    refuse(key, "must be a whole number " + range_text(range));
  } else if (negative || value->get<std::uint64_t>() < range.min) {
    refuse(key, "must be at least " + std::to_string(range.min));
  } else if (value->get<std::uint64_t>() > range.max) {
    refuse(key, "must be at most " + std::to_string(range.max));
  } else {
    out = value->get<std::uint64_t>();
    return true;
  }
  return false;
}

bool ConfigReader::read_number(std::string_view key, unsigned& out, Range<unsigned> range) {
  std::uint64_t number = 0;
  if (!read_number(key, number, Range<std::uint64_t>{range.min, range.max})) return false;
  out = static_cast<unsigned>(number);
  return true;
}

bool ConfigReader::read_number(std::string_view key, int& out, Range<int> range) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (!value->is_number_integer()) {
    refuse(key, "must be a whole number from " + std::to_string(range.min) + " to " + std::to_string(range.max));
    return false;
  }
  constexpr std::uint64_t largest = std::numeric_limits<std::int64_t>::max();
  const std::int64_t number = value->is_number_unsigned()
                                  ? static_cast<std::int64_t>(std::min(value->get<std::uint64_t>(), largest))
                                  : value->get<std::int64_t>();
  if (number < range.min) {
    refuse(key, "must be at least " + std::to_string(range.min));
  } else if (number > range.max) {
    refuse(key, "must be at most " + std::to_string(range.max));
  } else {
    out = static_cast<int>(number);
    return true;
  }
  return false;
}

std::optional<Duration> ConfigReader::span_in(std::string_view key, const Json& value, Range<Duration> range,
                                              bool or_off) {
  const std::string kind = std::string("must be a time span such as \"30s\"") + (or_off ? ", or \"off\"" : "");
  const auto text = text_of(value);
  if (!text) {
    refuse(key, kind);
    return std::nullopt;
  }
  if (!or_off && *text == "off") {
    refuse(key, "can't be off; " + kind);
    return std::nullopt;
  }
  const auto span = parse_time_span(*text);
  if (!span) {
    refuse(key, span.error().text);
  } else if (*span < range.min) {
    refuse(key, "must be at least " + format_time_span(range.min));
  } else if (*span > range.max) {
    refuse(key, "must be at most " + format_time_span(range.max));
  } else {
    return *span;
  }
  return std::nullopt;
}

bool ConfigReader::read_span(std::string_view key, Duration& out, Range<Duration> range) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  const auto span = span_in(key, *value, range, false);
  if (span) out = *span;
  return span.has_value();
}

bool ConfigReader::read_span_or_off(std::string_view key, std::optional<Duration>& out, Range<Duration> range) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (is_off(key)) {
    out.reset();
    return true;
  }
  const auto span = span_in(key, *value, range, true);
  if (span) out = *span;
  return span.has_value();
}

bool ConfigReader::read_size_or_off(std::string_view key, std::optional<std::uint64_t>& out, std::uint64_t min) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (is_off(key)) {
    out.reset();
    return true;
  }
  const auto text = text_of(*value);
  if (!text) {
    refuse(key, "must be a size such as \"512M\", or \"off\"");
    return false;
  }
  const auto size = parse_byte_size(*text);
  if (!size) {
    refuse(key, size.error().text);
    return false;
  }
  if (*size < min) {
    refuse(key, "must be at least " + format_byte_size(min));
    return false;
  }
  out = *size;
  return true;
}

bool ConfigReader::is_off(std::string_view key) const {
  const Json* const value = find(key);
  return value != nullptr && *value == "off";
}

bool ConfigReader::read_percent(std::string_view key, double& out, Range<unsigned> percent) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  const auto number = value->is_string() ? parse_percent(value->get_ref<const std::string&>()) : std::nullopt;
  if (!number) {
    refuse(key, "must be a percentage such as \"10%\"");
  } else if (*number < percent.min) {
    refuse(key, "must be at least " + std::to_string(percent.min) + '%');
  } else if (*number > percent.max) {
    refuse(key, "must be at most " + std::to_string(percent.max) + '%');
  } else {
    out = *number / 100.0;
    return true;
  }
  return false;
}

bool ConfigReader::read_workers_or_percent(std::string_view key, std::variant<unsigned, double>& out, unsigned max) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  unsigned workers = 0;
  double fraction = 0;
  if (value->is_number_integer()) {
    if (!read_number(key, workers, {1, max})) return false;
    out = workers;
  } else if (value->is_string() && value->get_ref<const std::string&>().ends_with('%')) {
    if (!read_percent(key, fraction, {1, 100})) return false;
    out = fraction;
  } else {
    refuse(key, "must be a number of workers, or a percentage of them such as \"25%\"");
    return false;
  }
  return true;
}

bool ConfigReader::read_mode(std::string_view key, std::optional<mode_t>& out, const char* example) {
  constexpr mode_t all = 0777;
  const Json* const value = find(key);
  if (value == nullptr) return false;
  if (!value->is_string()) {
    refuse(key, std::string("must be an octal number in quotes such as ") + example);
    return false;
  }
  const auto mode = whole_number<mode_t>(value->get_ref<const std::string&>(), 8);
  if (!mode || *mode > all) {
    refuse(key, std::string("must be an octal number up to \"0777\", such as ") + example);
    return false;
  }
  out = mode;
  return true;
}

bool ConfigReader::read_word(std::string_view key, std::size_t& out, std::span<const std::string_view> words) {
  const Json* const value = find(key);
  if (value == nullptr) return false;
  std::string choice;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (*value == words[i]) {
      out = i;
      return true;
    }
    choice += (choice.empty() ? "\"" : " or \"") + std::string(words[i]) + '"';
  }
  refuse(key, "must be " + choice);
  return false;
}

}  // namespace preforkd
