// SPDX-License-Identifier: MIT
#include <optional>
#include <vector>

#include "base/errors.hpp"
#include "ctl/command/verbs.hpp"
#include "ctl/context.hpp"
#include "ctl/output/printable.hpp"

namespace preforkd::ctl {
namespace {

// Without a bus there is still a version to show.
std::optional<std::vector<KnownPool>> pools_on(Context& context) {
  try {
    return context.known_pools().survey();
  } catch (const ExitError& error) {
    context.screen().remark(error.what());
    return std::nullopt;
  }
}

}  // namespace

int run_version(Context& context) {
  const auto pools = pools_on(context);
  Json versions{{"preforkctl", PREFORKD_VERSION}, {"pools", pools ? Json::object() : Json()}};
  std::string text = "preforkctl " PREFORKD_VERSION "\n";
  for (const KnownPool& pool : pools.value_or(std::vector<KnownPool>())) {
    if (!pool.answer) continue;
    versions["pools"][pool.name] = pool.answer->version;
    text += "pool \"" + pool.name + "\": preforkd " + printable(pool.answer->version) + '\n';
  }
  if (context.json()) {
    context.screen().show(versions);
  } else {
    context.screen().show(text);
  }
  return exit_code::ok;
}

}  // namespace preforkd::ctl
