// SPDX-License-Identifier: MIT
#include <string>
#include <string_view>
#include <vector>

#include "base/errors.hpp"
#include "base/escape.hpp"
#include "base/nearest_name.hpp"
#include "ctl/command/command_line.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

// A string unchanged, anything else as JSON: both can be read back.
std::string value_text(const Json& value) {
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : json_text(value, JsonMode::compact);
}

Json chosen(const Json& all, const std::vector<std::string>& names) {
  if (names.empty()) return all;
  std::vector<std::string_view> known;
  for (const auto& property : all.items()) known.push_back(property.key());
  Json some = Json::object();
  for (const std::string& name : names) {
    if (!all.contains(name)) {
      const std::string_view nearest = nearest_name(name, known);
      throw ExitError(exit_code::usage,
                      "--property: " + in_quotes(name) + ": no such property" +
                          (nearest.empty() ? "" : "; did you mean \"" + std::string(nearest) + "\"?"));
    }
    some[name] = all[name];
  }
  return some;
}

}  // namespace

int run_show(Context& context) {
  PoolClient pool = context.pool();
  const Options& options = context.options();
  const auto& arguments = options.arguments;
  const Json properties = chosen(
      arguments.size() > 1 ? pool.properties(slot_argument(arguments[1])) : pool.properties(), options.properties);
  if (context.json()) {
    context.screen().show(properties);
    return exit_code::ok;
  }
  std::string text;
  for (const auto& [name, value] : properties.items()) {
    if (!options.only_values) text += printable(name) + '=';
    text += value_text(value) + '\n';
  }
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
