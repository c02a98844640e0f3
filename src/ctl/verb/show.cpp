// SPDX-License-Identifier: MIT
#include "base/errors.hpp"
#include "ctl/arguments.hpp"
#include "ctl/context.hpp"
#include "ctl/output/printable.hpp"
#include "ctl/verbs.hpp"

namespace preforkd::ctl {
namespace {

// A string as it is, all else as JSON: both can be read back.
std::string value_text(const Json& value) {
  return value.is_string() ? printable(value.get_ref<const std::string&>()) : json_text(value, JsonMode::compact);
}

}  // namespace

int run_show(Context& context) {
  PoolClient pool = context.pool();
  const auto& arguments = context.options().arguments;
  const Json properties = arguments.size() > 1 ? pool.properties(slot_argument(arguments[1])) : pool.properties();
  if (context.json()) {
    context.screen().show(properties);
    return exit_code::ok;
  }
  std::string text;
  for (const auto& [name, value] : properties.items()) text += printable(name) + '=' + value_text(value) + '\n';
  context.screen().show(text);
  return exit_code::ok;
}

}  // namespace preforkd::ctl
