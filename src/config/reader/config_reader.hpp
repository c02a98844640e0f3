// SPDX-License-Identifier: MIT
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/time_span.hpp"

namespace preforkd {

// What is wrong with one key of a config.
struct ConfigProblem {
  std::string key;    // path: "reload.max_surge", "listen[1].mode"; empty: the config as a whole
  std::string value;  // as text; empty if the key is missing
  std::string reason;
  bool outside = false;  // the config may be right: what it refers to is missing, or not on this machine
};

template <class T>
struct Range {
  T min;
  T max;
};

// A JSON value for a message: strings quoted and escaped, and everything cut to fit a line.
[[nodiscard]] std::string show_value(const nlohmann::json& value);

// One object of a config while it is checked. Each read function reads one key. If the key is absent, nothing happens;
// if its value is valid, it is stored in `out` and the function returns true; else a problem is added and `out` is
// unchanged.
class ConfigReader {
 public:
  using Json = nlohmann::json;

  // Borrows all three. `value` must be an object. `path` is empty at the top.
  ConfigReader(const Json& value, std::string path, std::vector<ConfigProblem>& problems)
      : object_(value), path_(std::move(path)), problems_(problems) {}

  // Adds a problem for each key that is not one of `known`, with the nearest known one.
  void allow_only(std::span<const std::string_view> known);

  [[nodiscard]] const Json* find(std::string_view key) const;
  [[nodiscard]] std::string path_of(std::string_view key) const;

  // Adds a problem of this key and its value.
  void refuse(std::string_view key, std::string reason);
  // Marks the last problem as one of the outside.
  void blame_outside() { problems_.back().outside = true; }
  // Adds a problem of a part of the key's value, for instance "[2]".
  void refuse_below(std::string_view key, const std::string& below, const Json& value, std::string reason);

  // The object under `key`. A value that is not an object is a problem and counts as absent.
  [[nodiscard]] std::optional<ConfigReader> object(std::string_view key);

  // An object that is an entry of the array under `key`.
  [[nodiscard]] ConfigReader element(std::string_view key, std::size_t index, const Json& value) const;

  // Strings contain no NUL byte and at most `limit` bytes.
  bool read_string(std::string_view key, std::string& out, std::size_t limit);
  bool read_strings(std::string_view key, std::vector<std::string>& out, std::size_t max, const char* example);

  bool read_number(std::string_view key, std::uint64_t& out, Range<std::uint64_t> range);
  bool read_number(std::string_view key, unsigned& out, Range<unsigned> range);
  bool read_number(std::string_view key, int& out, Range<int> range);

  // Whether the key's value is "off".
  [[nodiscard]] bool is_off(std::string_view key) const;

  bool read_span(std::string_view key, Duration& out, Range<Duration> range);
  bool read_span_or_off(std::string_view key, std::optional<Duration>& out, Range<Duration> range);
  bool read_size_or_off(std::string_view key, std::optional<std::uint64_t>& out, std::uint64_t min);

  // "25%" as 0.25.
  bool read_percent(std::string_view key, double& out, Range<unsigned> percent);

  // A number of workers from 1 to `max`, or a share of them from 1% to 100%.
  bool read_workers_or_percent(std::string_view key, std::variant<unsigned, double>& out, unsigned max);

  // Permission bits, "0660"; `example` is for the message.
  bool read_mode(std::string_view key, std::optional<mode_t>& out, const char* example);

  // One of `words`; stores its index.
  bool read_word(std::string_view key, std::size_t& out, std::span<const std::string_view> words);

 private:
  bool check_text(std::string_view key, const std::string& below, const Json& value, std::size_t limit);
  std::optional<Duration> span_in(std::string_view key, const Json& value, Range<Duration> range, bool or_off);

  const Json& object_;
  std::string path_;
  std::vector<ConfigProblem>& problems_;
};

}  // namespace preforkd
