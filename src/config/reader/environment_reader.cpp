// SPDX-License-Identifier: MIT
#include "config/reader/environment_reader.hpp"

#include "base/byte_size.hpp"
#include "base/escape.hpp"
#include "config/reader/environment_files.hpp"
#include "config/values/environment_variable.hpp"

namespace preforkd {
namespace {

using Json = nlohmann::json;

constexpr std::size_t max_environment_names = 1024;
constexpr std::size_t max_environment_files = 64;

}  // namespace

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
    } else if (auto reason = why_unsettable(name, text.get_ref<const std::string&>())) {
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
      config.refuse_below("environment_files", below, list[i], std::move(read.error().text));
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
    text = value->dump();  // Escapes control characters, so it contains no NUL.
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

}  // namespace preforkd
